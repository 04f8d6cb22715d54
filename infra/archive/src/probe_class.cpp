// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe_class.h"

#include <optional>
#include <string_view>

namespace vnaops {
namespace {

constexpr uint32_t kMetaLength = 0x00020000;
constexpr uint32_t kTransferSyntax = 0x00020010;
constexpr uint32_t kPatientId = 0x00100020;
constexpr uint32_t kQualityControlSubject = 0x00100200;
constexpr uint32_t kFirstOfDataSet = 0x00040000;  // groups 0000 to 0003 are commands' and files'
constexpr uint32_t kItems = 0xfffe0000;           // delimiters: never at the level of the data set
constexpr uint32_t kUndefinedLength = 0xffffffff;
constexpr std::string_view kImplicitLittle = "1.2.840.10008.1.2";
constexpr std::string_view kExplicitLittle = "1.2.840.10008.1.2.1";

// PS3.5 section 7.1.2: the value representations with 16 bits of length, and those with 32.
constexpr std::string_view kShort = "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US";
constexpr std::string_view kLong = "OB OD OF OL OV OW SQ SV UC UN UR UT UV";

bool isOneOf(std::string_view representations, std::string_view vr) {
  return vr.find(' ') == std::string_view::npos && representations.find(vr) != std::string_view::npos;
}

uint32_t little(std::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = bytes.size(); i > 0; i--) number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return number;
}

struct Element {
  uint32_t tag;  // group and element in one number
  std::string_view vr;
  std::string_view value;
};

// Steps from element to element; nothing (and `isSound` false) at the first that is in doubt.
class Walk {
 public:
  Walk(std::string_view bytes, bool hasVr, uint32_t least) : rest_(bytes), hasVr_(hasVr), least_(least) {}

  bool isSound() const { return sound_; }

  std::optional<Element> next() {
    if (!sound_ || rest_.empty()) return std::nullopt;
    const auto element = take();
    sound_ = element.has_value();
    return element;
  }

 private:
  std::optional<std::string_view> bytes(uint64_t count) {
    if (count > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::optional<Element> take() {
    const auto head = bytes(8);
    if (!head) return std::nullopt;
    const uint32_t tag = little(head->substr(0, 2)) << 16 | little(head->substr(2, 2));
    if (tag < least_ || tag >= kItems) return std::nullopt;
    least_ = tag + 1;
    const std::string_view vr = hasVr_ ? head->substr(4, 2) : std::string_view();
    uint32_t length = 0;
    if (!hasVr_) {
      length = little(head->substr(4, 4));
    } else if (isOneOf(kShort, vr)) {
      length = little(head->substr(6, 2));
    } else if (isOneOf(kLong, vr) && little(head->substr(6, 2)) == 0) {
      const auto wide = bytes(4);
      if (!wide) return std::nullopt;
      length = little(*wide);
    } else {
      return std::nullopt;
    }
    if (length == kUndefinedLength || length % 2 != 0) return std::nullopt;
    const auto value = bytes(length);
    if (!value) return std::nullopt;
    return Element{tag, vr, *value};
  }

  std::string_view rest_;
  const bool hasVr_;
  uint32_t least_;  // what the next tag must be at least
  bool sound_ = true;
};

constexpr uint64_t kPreamble = 128;
constexpr std::string_view kMagic = "DICM";
constexpr uint64_t kMetaLengthSize = 12;  // the element with the length of the file meta information

struct File {
  std::string_view syntax;
  std::string_view dataSet;
};

// A text of even length: an odd one has one space at its end (PS3.5 section 6.2), a UID one NUL.
bool isText(std::string_view value, std::string_view text, char padding = ' ') {
  if (value.size() == text.size() + 1 && text.size() % 2 != 0 && value.back() == padding) value.remove_suffix(1);
  return value == text;
}

// PS3.10 section 7.1: preamble, prefix, file meta information in Explicit VR Little Endian.
std::optional<File> opened(std::string_view file) {
  if (file.size() < kPreamble + kMagic.size() + kMetaLengthSize) return std::nullopt;
  if (file.substr(kPreamble, kMagic.size()) != kMagic) return std::nullopt;
  file.remove_prefix(kPreamble + kMagic.size());
  const auto length = Walk(file.substr(0, kMetaLengthSize), true, kMetaLength).next();
  if (!length || length->tag != kMetaLength || length->vr != "UL" || length->value.size() != 4) return std::nullopt;
  file.remove_prefix(kMetaLengthSize);
  const uint32_t size = little(length->value);
  if (size > file.size()) return std::nullopt;
  File found;
  Walk meta(file.substr(0, size), true, kMetaLength + 1);
  while (const auto element = meta.next()) {
    if (element->tag >> 16 != kMetaLength >> 16) return std::nullopt;
    if (element->tag == kTransferSyntax && element->vr == "UI") found.syntax = element->value;
  }
  if (!meta.isSound()) return std::nullopt;
  found.dataSet = file.substr(size);
  return found;
}

}  // namespace

ObjectClass classify(const char* data, uint64_t size, const std::string& patientId) noexcept {
  if (patientId.empty() || size > kLargestProbe) return ObjectClass::Ordinary;
  const auto file = opened({data, size});
  if (!file) return ObjectClass::Ordinary;
  const bool hasVr = isText(file->syntax, kExplicitLittle, '\0');
  if (!hasVr && !isText(file->syntax, kImplicitLittle, '\0')) return ObjectClass::Ordinary;
  bool isPatient = false, isSubject = false;
  Walk dataSet(file->dataSet, hasVr, kFirstOfDataSet);
  while (const auto element = dataSet.next()) {
    if (element->tag == kPatientId) isPatient = (!hasVr || element->vr == "LO") && isText(element->value, patientId);
    if (element->tag == kQualityControlSubject)
      isSubject = (!hasVr || element->vr == "CS") && isText(element->value, "YES");
  }
  return dataSet.isSound() && isPatient && isSubject ? ObjectClass::Probe : ObjectClass::Ordinary;
}

}  // namespace vnaops
