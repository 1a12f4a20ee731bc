// plain.mjs
// Boxes of a plain model file, with onnxruntime-node and sharp: prints them, the best first.
import { readFileSync } from "node:fs";
import ort from "onnxruntime-node";
import sharp from "sharp";

const [model, photo] = process.argv.slice(2);
const about = JSON.parse(readFileSync(model.replace(/\.onnx$/, ".json"), "utf8"));
const { data, info } = await sharp(photo).rotate().flatten().toColourspace("srgb").raw()
  .toBuffer({ resolveWithObject: true }); // rows of red, green, blue, 0..255
const session = await ort.InferenceSession.create(model);
const found = await find(session, about.manifest, data, info.width, info.height);
for (const { box, score, index } of found)
  console.log(...box.map((value) => value.toFixed(4)), score.toFixed(6), about.classes[index]);

// Return the boxes of a picture: x1, y1, x2, y2 in its px, score, number of the class.
async function find(session, { io, head }, data, imageW, imageH) {
  // Letterbox: scale the picture to fit the input, keep its proportions, pad the rest with grey.
  const [inputW, inputH] = io.input_wh;
  const scale = Math.min(inputW / imageW, inputH / imageH);
  const innerW = Math.max(1, roundEven(imageW * scale));
  const innerH = Math.max(1, roundEven(imageH * scale));
  const left = roundEven((inputW - innerW) / 2 - 0.1);
  const top = roundEven((inputH - innerH) / 2 - 0.1);
  const inner = resize(data, imageW, imageH, innerW, innerH);

  // From rows of (red, green, blue) of 0..255 to planes of 0..1.
  const pixels = new Float32Array(3 * inputH * inputW).fill(io.pad_value / 255);
  for (let y = 0; y < innerH; y++)
    for (let x = 0; x < innerW; x++)
      for (let c = 0; c < 3; c++)
        pixels[(c * inputH + top + y) * inputW + left + x] = inner[(y * innerW + x) * 3 + c] / 255;
  const input = new ort.Tensor("float32", pixels, [1, 3, inputH, inputW]);
  const output = (await session.run({ [io.input_name]: input }))[head.output_name];

  const boxes = head.layout === "end2end" ? readEnd2end(output) : readRaw(output);
  const kept = [];
  for (const one of boxes.sort((a, b) => b.score - a.score)) {
    const least = head.class_conf ? head.class_conf[one.index] : head.conf;
    const others = head.layout === "raw" ? kept.filter((other) => other.index === one.index) : [];
    const isNew = others.every((other) => overlap(one.box, other.box) <= head.iou);
    if (one.score >= least && isNew) kept.push(one);
  }

  // Back from the input to the picture.
  const toX = (x) => Math.min(Math.max((x - left) * imageW / innerW, 0), imageW);
  const toY = (y) => Math.min(Math.max((y - top) * imageH / innerH, 0), imageH);
  return kept.slice(0, head.max_count).map(({ box: [x1, y1, x2, y2], ...rest }) => (
    { ...rest, box: [toX(x1), toY(y1), toX(x2), toY(y2)] }));
}

// "raw", (4 + classes, places): centre, width, height, and a score for each class.
function readRaw({ data, dims: [, rows, places] }) {
  const boxes = [];
  for (let at = 0; at < places; at++) {
    const column = Array.from({ length: rows }, (_, row) => data[row * places + at]);
    const [x, y, w, h, ...scores] = column;
    const score = Math.max(...scores);
    const box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
    boxes.push({ box, score, index: scores.indexOf(score) });
  }
  return boxes;
}

// "end2end", (boxes, 6): x1, y1, x2, y2, score, class; overlaps are gone.
function readEnd2end({ data, dims: [, count] }) {
  return Array.from({ length: count }, (_, row) => {
    const [x1, y1, x2, y2, score, index] = data.subarray(row * 6, row * 6 + 6);
    return { box: [x1, y1, x2, y2], score, index };
  });
}

// Scale a picture as OpenCV's INTER_LINEAR does: weights in 1/2048, and bits are dropped.
function resize(data, oldW, oldH, width, height) {
  const clip = (at, count) => Math.min(Math.max(at, 0), count - 1);
  const columns = places(oldW, width), rows = places(oldH, height);
  const result = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const { first: row, part } = rows[y];
    const [above, below] = [clip(row, oldH) * oldW, clip(row + 1, oldH) * oldW];
    const [top, bottom] = weights(part);
    for (let x = 0; x < width; x++) {
      const { first, part } = columns[x];
      const [x0, x1] = [clip(first, oldW), clip(first + 1, oldW)];
      // Beyond an edge the pixel there counts alone.
      const [a, b] = weights(first < 0 || first >= oldW - 1 ? 0 : part);
      for (let c = 0; c < 3; c++) {
        const upper = (data[(above + x0) * 3 + c] * a + data[(above + x1) * 3 + c] * b) >> 4;
        const lower = (data[(below + x0) * 3 + c] * a + data[(below + x1) * 3 + c] * b) >> 4;
        const sum = ((upper * top) >> 16) + ((lower * bottom) >> 16);
        result[(y * width + x) * 3 + c] = (sum + 2) >> 2;
      }
    }
  }
  return result;
}

// Return for each new pixel of an axis which old one it is behind, and how far, from 0 to 1.
function places(before, after) {
  return Array.from({ length: after }, (_, at) => {
    const place = Math.fround((at + 0.5) * (1 / (after / before)) - 0.5);
    return { first: Math.floor(place), part: Math.fround(place - Math.floor(place)) };
  });
}

// Return what two neighbours count, in 1/2048.
function weights(part) {
  return [roundEven(Math.fround(1 - part) * 2048), roundEven(part * 2048)];
}

// Round as Python and OpenCV do: halves to the even number.
function roundEven(value) {
  return value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}

// Return the intersection over the union of two boxes.
function overlap(a, b) {
  const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  const width = Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]), 0);
  const height = Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]), 0);
  return width * height / (area(a) + area(b) - width * height);
}
