// SPDX-License-Identifier: GPL-3.0-or-later
#include "answers.h"

#include <cinttypes>
#include <cstdio>

namespace vnaops {
namespace {

std::string printable(const std::string& text, size_t most) {
  std::string clean;
  for (const char c : text) {
    if (clean.size() == most) return clean + "…";
    clean += c >= ' ' && c <= '~' ? c : '?';
  }
  return clean;
}

}  // namespace

std::string element(const std::string& xml, const std::string& name) {
  const std::string opening = "<" + name + ">";
  const size_t start = xml.find(opening);
  if (start == std::string::npos) return "";
  const size_t end = xml.find("</" + name + ">", start);
  if (end == std::string::npos) return "";
  return xml.substr(start + opening.size(), end - start - opening.size());
}

std::string reason(const HttpAnswer& answer) {
  if (answer.status == 0) return "no answer: " + printable(answer.trouble, 200);
  std::string words = std::to_string(answer.status);
  const std::string code = element(answer.body, "Code");
  const std::string message = element(answer.body, "Message");
  if (!code.empty()) words += " " + printable(code, 60);
  if (!message.empty()) words += " \"" + printable(message, 200) + "\"";
  return words;
}

bool worthRepeating(const HttpAnswer& answer) {
  if (answer.status == 0 || answer.status >= 500 || answer.status == 408 || answer.status == 429) return true;
  // 403: the keys may just have been exchanged, and they are read again. A 400 or 411 for what was sound when it left
  // was damaged on its way.
  return answer.status == 403 || answer.status == 400 || answer.status == 409 || answer.status == 411;
}

std::optional<ContentRange> contentRange(const std::string& value) {
  ContentRange range{};
  int used = 0;
  if (value.size() > 80) return std::nullopt;
  if (std::sscanf(value.c_str(), "bytes %18" SCNu64 "-%18" SCNu64 "/%18" SCNu64 "%n", &range.first, &range.last,
                  &range.total, &used) != 3)
    return std::nullopt;
  if (static_cast<size_t>(used) != value.size() || range.last < range.first || range.last >= range.total)
    return std::nullopt;
  return range;
}

}  // namespace vnaops
