// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <cstddef>
#include <ctime>
#include <map>
#include <string>

#include "credentials.h"

namespace vnaops {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(const void* data, size_t size);
std::string hex(const Sha256& digest);
std::string base64(const Sha256& digest);
std::string base64(uint32_t sum);  // of its four bytes, the highest first, as S3 writes a CRC

// Everything but unreserved characters as %XX (RFC 3986), as Signature Version 4 wants query values.
std::string percentEncoded(const std::string& value);

// UTC, like 20130524T000000Z (basic) or 2013-05-24T00:00:00Z.
std::string basicTime(std::time_t when);
std::string isoTime(std::time_t when);

using Headers = std::map<std::string, std::string>;  // lower-case names
using Query = std::map<std::string, std::string>;

std::string queryString(const Query& query);

// AWS Signature Version 4 of one request for the service "s3": the value of its Authorization header. Signed are all
// the headers given; `path` is already encoded. libcurl's own signing was not used: 7.88 neither sorts nor encodes the
// query, which multipart uploads need, and hashes a payload that has been hashed before.
std::string authorization(const Credentials& credentials, const std::string& region, const std::string& method,
                          const std::string& path, const Query& query, const Headers& headers,
                          const std::string& payloadHash, std::time_t when);

}  // namespace vnaops
