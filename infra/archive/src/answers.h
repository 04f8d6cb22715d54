// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "http_client.h"

namespace vnaops {

// The text of the first element of this name; S3's answers need no more of XML. Empty where there is none.
std::string element(const std::string& xml, const std::string& name);

// What a refusal says, for a log: `503 SlowDown "Please reduce your request rate."`, or why there was no answer. One
// line of printable characters; of the body only code and message, since a signature error's other elements quote what
// was signed.
std::string reason(const HttpAnswer& answer);

// Whether the same request can succeed when it is sent again: no answer, an overloaded or failing server, a body
// damaged on its way.
bool worthRepeating(const HttpAnswer& answer);

struct ContentRange {
  uint64_t first, last, total;
};

// "bytes 0-9/1000"; nothing where it is anything else.
std::optional<ContentRange> contentRange(const std::string& value);

}  // namespace vnaops
