// embedded.cs
// Boxes of a file of --embed pre,nms: a picture goes in, boxes come out, the best first.
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SkiaSharp;

string model = args[0], photo = args[1];
using var about = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(model, ".json")));
JsonElement names = about.RootElement.GetProperty("classes");

using SKBitmap bitmap = SKBitmap.Decode(photo);
var image = new DenseTensor<byte>(new[] { bitmap.Height, bitmap.Width, 3 });
for (int y = 0; y < bitmap.Height; y++)
    for (int x = 0; x < bitmap.Width; x++)
    {
        SKColor pixel = bitmap.GetPixel(x, y);
        (image[y, x, 0], image[y, x, 1], image[y, x, 2]) = (pixel.Red, pixel.Green, pixel.Blue);
    }

using var session = new InferenceSession(model);
using var results = session.Run(new[] { NamedOnnxValue.CreateFromTensor("image", image) });
var outputs = results.ToDictionary(one => one.Name);
Tensor<float> boxes = outputs["boxes"].AsTensor<float>();
Tensor<float> scores = outputs["scores"].AsTensor<float>();
Tensor<int> classes = outputs["classes"].AsTensor<int>();
for (int row = 0; row < outputs["count"].AsTensor<int>()[0]; row++)
{
    var box = Enumerable.Range(0, 4).Select(side => boxes[0, row, side]);
    var corners = box.Select(px => px.ToString("F4", CultureInfo.InvariantCulture));
    var score = scores[0, row].ToString("F6", CultureInfo.InvariantCulture);
    Console.WriteLine($"{string.Join(' ', corners)} {score} {names[classes[0, row]].GetString()}");
}
