// embedded.mjs
// Boxes of a file of --embed pre,nms: a picture goes in, boxes come out, the best first.
import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";
import sharp from "sharp";

const [model, photo] = process.argv.slice(2);
const { classes: names } = JSON.parse(readFileSync(model.replace(/\.onnx$/, ".json"), "utf8"));
const { data, info } = await sharp(photo).rotate().flatten().toColourspace("srgb").raw()
  .toBuffer({ resolveWithObject: true }); // rows of red, green, blue, 0..255

// It would warn of each input that may be left out.
const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
const image = new ort.Tensor("uint8", data, [info.height, info.width, 3]);
// Thresholds are inputs too: { image, conf: new ort.Tensor("float32", [0.4], [1]) }
const { boxes, scores, classes, count } = await session.run({ image });
for (let row = 0; row < count.data[0]; row++) {
  const box = Array.from(boxes.data.subarray(4 * row, 4 * row + 4), (value) => value.toFixed(4));
  console.log(...box, scores.data[row].toFixed(6), names[classes.data[row]]);
}
