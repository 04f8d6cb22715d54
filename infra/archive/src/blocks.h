// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vnaops {

// CRC-32C (Castagnoli), as of RFC 3720.
uint32_t crc32c(const char* data, uint64_t size);

// The CRC-32C of each block of an object, kept as its metadata: with them a part can be verified that was read over
// plain http, which the object's one SHA-256 can't do. S3 allows 2 KB of metadata, so that there are at most 128 of
// them.
struct Blocks {
  static constexpr uint64_t kSmallest = 64 << 10;
  static constexpr uint64_t kLargest = 1 << 20;
  static constexpr size_t kMost = 128;

  uint64_t size;  // of a block in bytes, a power of two
  std::vector<uint32_t> sums;

  // Nothing where the object is empty or above 128 MiB: the blocks would be too large to read around a small part.
  static std::optional<Blocks> of(const char* data, uint64_t size);

  // "65536:" and eight hexadecimal digits for each block; nothing where it is anything else.
  static std::optional<Blocks> parse(const std::string& text);
  std::string text() const;

  // Whether `data`, which begins at a block's start and ends at a block's or the object's end, is what the sums were
  // made of.
  bool match(uint64_t start, const char* data, uint64_t length) const;
};

}  // namespace vnaops
