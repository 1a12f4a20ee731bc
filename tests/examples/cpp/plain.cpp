// plain.cpp
// Boxes of a plain model file, with OpenVINO, nlohmann/json and stb_image: prints them, best first.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <openvino/openvino.hpp>
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

struct Box { float x1, y1, x2, y2, score; int index; };
struct Place { int first; float part; };  // the old pixel that a new one is behind, and how far

std::vector<Place> find_places(int before, int after) {
  std::vector<Place> places;
  for (int at = 0; at < after; at++) {
    float place = float((at + 0.5) * (1 / (double(after) / before)) - 0.5);
    int first = int(std::floor(place));
    places.push_back({first, place - first});
  }
  return places;
}

// What a pixel and its neighbour count, in 1/2048; rint takes halves to the even number.
std::pair<int, int> weigh(float part) {
  return {int(std::rint((1 - part) * 2048)), int(std::rint(part * 2048))};
}

// Scale a picture, rows of red, green, blue, as OpenCV's INTER_LINEAR does; bits are dropped.
std::vector<uint8_t> resize(const uint8_t* data, int old_w, int old_h, int width, int height) {
  auto columns = find_places(old_w, width), rows = find_places(old_h, height);
  std::vector<uint8_t> result;
  for (auto [y, row_part] : rows) {
    auto [upper, lower] = weigh(row_part);
    for (auto [x, column_part] : columns) {
      // Beyond an edge the pixel there counts alone.
      auto [a, b] = weigh(x < 0 || x >= old_w - 1 ? 0 : column_part);
      for (int colour = 0; colour < 3; colour++) {
        auto mix = [&](int row, int weight) {
          const uint8_t* line = data + std::clamp(row, 0, old_h - 1) * old_w * 3 + colour;
          int first = line[std::clamp(x, 0, old_w - 1) * 3];
          int second = line[std::clamp(x + 1, 0, old_w - 1) * 3];
          return ((first * a + second * b) >> 4) * weight >> 16;
        };
        result.push_back((mix(y, upper) + mix(y + 1, lower) + 2) >> 2);
      }
    }
  }
  return result;
}

float overlap(const Box& a, const Box& b) {
  float width = std::max(std::min(a.x2, b.x2) - std::max(a.x1, b.x1), 0.f);
  float height = std::max(std::min(a.y2, b.y2) - std::max(a.y1, b.y1), 0.f);
  auto area = [](const Box& box) { return (box.x2 - box.x1) * (box.y2 - box.y1); };
  return width * height / (area(a) + area(b) - width * height);
}

// "raw" is (4 + classes, places): centre, width, height, and a score for each class;
// "end2end" is (boxes, 6): x1, y1, x2, y2, score, class.
std::vector<Box> read(const float* out, const ov::Shape& shape, bool is_raw) {
  std::vector<Box> boxes;
  size_t classes = shape[1] - 4, places = shape[2];
  for (size_t at = 0; is_raw && at < places; at++) {
    size_t best = 0;
    for (size_t one = 1; one < classes; one++)
      if (out[(4 + one) * places + at] > out[(4 + best) * places + at]) best = one;
    float x = out[at], y = out[places + at], w = out[2 * places + at], h = out[3 * places + at];
    float score = out[(4 + best) * places + at];
    boxes.push_back({x - w / 2, y - h / 2, x + w / 2, y + h / 2, score, int(best)});
  }
  for (size_t row = 0; !is_raw && row < shape[1]; row++, out += 6)
    boxes.push_back({out[0], out[1], out[2], out[3], out[4], int(out[5])});
  return boxes;
}

int main(int, char** argv) {
  std::string model = argv[1], photo = argv[2];
  std::ifstream text(model.substr(0, model.size() - 5) + ".json");
  auto manifest = nlohmann::json::parse(text)["manifest"];
  auto io = manifest["io"], head = manifest["head"];
  int input_w = io["input_wh"][0], input_h = io["input_wh"][1], image_w, image_h, channels;
  const uint8_t* data = stbi_load(photo.c_str(), &image_w, &image_h, &channels, 3);

  // Letterbox: scale the picture to fit the input, keep its proportions, pad the rest with grey.
  double scale = std::min(double(input_w) / image_w, double(input_h) / image_h);
  int inner_w = std::max(1, int(std::rint(image_w * scale)));
  int inner_h = std::max(1, int(std::rint(image_h * scale)));
  int left = int(std::rint((input_w - inner_w) / 2.0 - 0.1));
  int top = int(std::rint((input_h - inner_h) / 2.0 - 0.1));
  auto inner = resize(data, image_w, image_h, inner_w, inner_h);

  // From rows of (red, green, blue) of 0..255 to planes of 0..1.
  ov::Tensor input(ov::element::f32, {1, 3, size_t(input_h), size_t(input_w)});
  float* pixels = input.data<float>();
  std::fill_n(pixels, input.get_size(), io["pad_value"].get<float>() / 255);
  for (int at = 0; at < int(inner.size()); at++) {
    int x = at / 3 % inner_w + left, y = at / 3 / inner_w + top;
    pixels[(at % 3 * input_h + y) * input_w + x] = inner[at] / 255.f;
  }

  // Precision is stated: the default may be bfloat16, whose boxes differ.
  auto precision = ov::hint::inference_precision(ov::element::f32);
  auto compiled = ov::Core().compile_model(model, "CPU", precision);
  auto request = compiled.create_infer_request();
  request.set_input_tensor(input);
  request.infer();
  ov::Tensor output = request.get_tensor(head["output_name"].get<std::string>());

  bool is_raw = head["layout"] == "raw";
  auto boxes = read(output.data<float>(), output.get_shape(), is_raw);
  std::stable_sort(boxes.begin(), boxes.end(), [](auto& a, auto& b) { return a.score > b.score; });
  std::vector<Box> kept;
  for (const Box& one : boxes) {
    float least = head.contains("class_conf") ? head["class_conf"][one.index] : head["conf"];
    bool is_same = is_raw && std::any_of(kept.begin(), kept.end(), [&](const Box& other) {
      return other.index == one.index && overlap(one, other) > head["iou"].get<float>();
    });
    if (one.score >= least && !is_same && kept.size() < head["max_count"]) kept.push_back(one);
  }

  // Back from the input to the picture.
  auto x_of = [&](float x) { return std::clamp<float>((x - left) * image_w / inner_w, 0, image_w); };
  auto y_of = [&](float y) { return std::clamp<float>((y - top) * image_h / inner_h, 0, image_h); };
  for (const Box& box : kept) {
    auto name = head["names"][box.index].get<std::string>();
    std::printf("%.4f %.4f %.4f %.4f ", x_of(box.x1), y_of(box.y1), x_of(box.x2), y_of(box.y2));
    std::printf("%.6f %s\n", box.score, name.c_str());
  }
}
