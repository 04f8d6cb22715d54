// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace vnaops {

// What an object is kept as: an archived one for the archive's retention, a prober's for days.
enum class ObjectClass { Ordinary, Probe };
constexpr const char* kClassNames[] = {"ordinary", "probe"};  // the label "class"

constexpr uint64_t kLargestProbe = 1 << 20;  // bytes

// Probe only if it is certain: a DICOM file (PS3.10 section 7.1) in Explicit or Implicit VR Little Endian whose
// elements, followed to the file's last byte, have this Patient ID (0010,0020) and Quality Control Subject (0010,0200)
// YES. Any doubt is Ordinary: another syntax, an undefined length, tags out of order, an odd length, an unknown VR, a
// byte too few or too many, an empty `patientId`. Reads nothing outside `data`, allocates nothing.
ObjectClass classify(const char* data, uint64_t size, const std::string& patientId) noexcept;

}  // namespace vnaops
