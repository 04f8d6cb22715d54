// SPDX-License-Identifier: GPL-3.0-or-later
#include "blocks.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace vnaops {
namespace {

constexpr std::array<uint32_t, 256> makeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; bit++) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82f63b78U : 0U);
    table[byte] = rest;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = makeTable();

uint32_t byTable(uint32_t crc, const char* data, uint64_t size) {
  for (uint64_t i = 0; i < size; i++) crc = kTable[(crc ^ static_cast<unsigned char>(data[i])) & 0xff] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
// 0.07 ms for 525 KB instead of 1.3 ms by the table.
__attribute__((target("sse4.2"))) uint32_t byInstruction(uint32_t crc, const char* data, uint64_t size) {
  uint64_t sum = crc;
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word;
    std::memcpy(&word, data, sizeof word);
    sum = __builtin_ia32_crc32di(sum, word);
  }
  return byTable(static_cast<uint32_t>(sum), data, size);
}
#endif

}  // namespace

uint32_t crc32c(const char* data, uint64_t size) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~byInstruction(~0U, data, size);
#endif
  return ~byTable(~0U, data, size);
}

std::optional<Blocks> Blocks::of(const char* data, uint64_t size) {
  uint64_t block = kSmallest;
  while (block * kMost < size) block *= 2;
  if (size == 0 || block > kLargest) return std::nullopt;
  Blocks blocks{block, {}};
  for (uint64_t at = 0; at < size; at += block) blocks.sums.push_back(crc32c(data + at, std::min(block, size - at)));
  return blocks;
}

std::string Blocks::text() const {
  std::string text = std::to_string(size) + ":";
  char digits[9];
  for (const uint32_t sum : sums) {
    std::snprintf(digits, sizeof digits, "%08x", sum);
    text += digits;
  }
  return text;
}

std::optional<Blocks> Blocks::parse(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  Blocks blocks{kSmallest, {}};
  while (blocks.size <= kLargest && std::to_string(blocks.size) != text.substr(0, colon)) blocks.size *= 2;
  const std::string digits = text.substr(colon + 1);
  if (blocks.size > kLargest || digits.empty() || digits.size() % 8 != 0 || digits.size() / 8 > kMost)
    return std::nullopt;
  if (digits.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  for (size_t at = 0; at < digits.size(); at += 8) {
    blocks.sums.push_back(static_cast<uint32_t>(std::stoul(digits.substr(at, 8), nullptr, 16)));
  }
  return blocks;
}

bool Blocks::match(uint64_t start, const char* data, uint64_t length) const {
  if (start % size != 0) return false;
  for (uint64_t at = 0; at < length; at += size) {
    const uint64_t index = (start + at) / size;
    if (index >= sums.size() || crc32c(data + at, std::min(size, length - at)) != sums[index]) return false;
  }
  return true;
}

}  // namespace vnaops
