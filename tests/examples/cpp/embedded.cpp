// embedded.cpp
// Boxes of a file of --embed pre,nms: a picture goes in, boxes come out, the best first.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <openvino/openvino.hpp>
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

int main(int, char** argv) {
  std::string model = argv[1], photo = argv[2];
  std::ifstream text(model.substr(0, model.size() - 5) + ".json");
  auto names = nlohmann::json::parse(text)["classes"];
  int width, height, channels;
  uint8_t* data = stbi_load(photo.c_str(), &width, &height, &channels, 3);

  // Precision is stated: the default may be bfloat16, too coarse to place pixels.
  auto precision = ov::hint::inference_precision(ov::element::f32);
  auto compiled = ov::Core().compile_model(model, "CPU", precision);
  auto request = compiled.create_infer_request();
  ov::Shape shape = {size_t(height), size_t(width), 3};
  request.set_tensor("image", ov::Tensor(ov::element::u8, shape, data));
  request.infer();
  const float* boxes = request.get_tensor("boxes").data<float>();
  const float* scores = request.get_tensor("scores").data<float>();
  const int* classes = request.get_tensor("classes").data<int>();
  for (int row = 0; row < *request.get_tensor("count").data<int>(); row++, boxes += 4) {
    auto name = names[classes[row]].get<std::string>();
    std::printf("%.4f %.4f %.4f %.4f ", boxes[0], boxes[1], boxes[2], boxes[3]);
    std::printf("%.6f %s\n", scores[row], name.c_str());
  }
}
