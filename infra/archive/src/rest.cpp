// SPDX-License-Identifier: GPL-3.0-or-later
#include "rest.h"

#include <memory>
#include <stdexcept>

namespace vnaops {
namespace {

class Buffer {
 public:
  explicit Buffer(OrthancPluginContext* orthanc) : orthanc_(orthanc) {}
  ~Buffer() { OrthancPluginFreeMemoryBuffer(orthanc_, &buffer_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  OrthancPluginMemoryBuffer* target() { return &buffer_; }

  Json::Value json() const {
    const auto* begin = static_cast<const char*>(buffer_.data);
    Json::Value value;
    const std::unique_ptr<Json::CharReader> reader(Json::CharReaderBuilder().newCharReader());
    if (!reader->parse(begin, begin + buffer_.size, &value, nullptr))
      throw std::runtime_error("Orthanc's answer is no JSON");
    return value;
  }

 private:
  OrthancPluginContext* const orthanc_;
  OrthancPluginMemoryBuffer buffer_{};
};

// Without the path: it may have a value of a patient's in it.
void mustBe(bool sound, const char* what, OrthancPluginErrorCode code) {
  if (!sound) throw std::runtime_error(std::string(what) + " failed (Orthanc's error " + std::to_string(code) + ")");
}

}  // namespace

Json::Value Rest::get(const std::string& path) const {
  Buffer buffer(orthanc_);
  const OrthancPluginErrorCode code = OrthancPluginRestApiGet(orthanc_, buffer.target(), path.c_str());
  if (code == OrthancPluginErrorCode_UnknownResource) return Json::nullValue;
  mustBe(code == OrthancPluginErrorCode_Success, "asking the index", code);
  return buffer.json();
}

Json::Value Rest::post(const std::string& path, const std::string& body) const {
  Buffer buffer(orthanc_);
  const OrthancPluginErrorCode code = OrthancPluginRestApiPost(orthanc_, buffer.target(), path.c_str(), body.data(),
                                                               static_cast<uint32_t>(body.size()));
  mustBe(code == OrthancPluginErrorCode_Success, "searching the index", code);
  return buffer.json();
}

void Rest::remove(const std::string& path) const {
  const OrthancPluginErrorCode code = OrthancPluginRestApiDelete(orthanc_, path.c_str());
  mustBe(code == OrthancPluginErrorCode_Success || code == OrthancPluginErrorCode_UnknownResource,
         "deleting from the index", code);
}

std::string oneLine(const Json::Value& value) {
  Json::StreamWriterBuilder writer;
  writer["indentation"] = "";
  return Json::writeString(writer, value);
}

}  // namespace vnaops
