// SPDX-License-Identifier: GPL-3.0-or-later
#include "signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace vnaops {
namespace {

Sha256 hmac(const void* key, size_t keySize, const std::string& text) {
  Sha256 mac{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key, static_cast<int>(keySize), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), mac.data(), &size) == nullptr) {
    throw std::runtime_error("OpenSSL refuses HMAC-SHA-256");
  }
  return mac;
}

Sha256 hmac(const Sha256& key, const std::string& text) { return hmac(key.data(), key.size(), text); }

std::string formatted(std::time_t when, const char* format) {
  std::tm utc{};
  gmtime_r(&when, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, format, &utc)};
}

}  // namespace

Sha256 sha256(const void* data, size_t size) {
  Sha256 digest{};
  if (EVP_Digest(data, size, digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("OpenSSL refuses SHA-256");
  return digest;
}

std::string hex(const Sha256& digest) {
  static const char* digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

namespace {
std::string encoded(const unsigned char* digest, size_t length) {
  unsigned char text[45];  // of 32 bytes at most
  const int size = EVP_EncodeBlock(text, digest, static_cast<int>(length));
  return {reinterpret_cast<char*>(text), static_cast<size_t>(size)};
}
}  // namespace

std::string base64(const Sha256& digest) { return encoded(digest.data(), digest.size()); }

std::string base64(uint32_t sum) {
  const unsigned char bytes[4] = {static_cast<unsigned char>(sum >> 24), static_cast<unsigned char>(sum >> 16),
                                  static_cast<unsigned char>(sum >> 8), static_cast<unsigned char>(sum)};
  return encoded(bytes, sizeof bytes);
}

std::string percentEncoded(const std::string& value) {
  static const char* digits = "0123456789ABCDEF";
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      text += c;
    } else {
      text += '%';
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  return text;
}

std::string basicTime(std::time_t when) { return formatted(when, "%Y%m%dT%H%M%SZ"); }

std::string isoTime(std::time_t when) { return formatted(when, "%Y-%m-%dT%H:%M:%SZ"); }

std::string queryString(const Query& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    if (!text.empty()) text += '&';
    text += percentEncoded(name) + "=" + percentEncoded(value);
  }
  return text;
}

std::string authorization(const Credentials& credentials, const std::string& region, const std::string& method,
                          const std::string& path, const Query& query, const Headers& headers,
                          const std::string& payloadHash, std::time_t when) {
  std::string canonicalHeaders;
  std::string signedHeaders;
  for (const auto& [name, value] : headers) {
    canonicalHeaders += name + ":" + value + "\n";
    signedHeaders += (signedHeaders.empty() ? "" : ";") + name;
  }
  const std::string canonical = method + "\n" + path + "\n" + queryString(query) + "\n" + canonicalHeaders + "\n" +
                                signedHeaders + "\n" + payloadHash;
  const std::string time = basicTime(when);
  const std::string day = time.substr(0, 8);
  const std::string scope = day + "/" + region + "/s3/aws4_request";
  const std::string toSign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + hex(sha256(canonical.data(), canonical.size()));
  const std::string secret = "AWS4" + credentials.secretKey;
  const Sha256 key = hmac(hmac(hmac(hmac(secret.data(), secret.size(), day), region), "s3"), "aws4_request");
  return "AWS4-HMAC-SHA256 Credential=" + credentials.accessKey + "/" + scope + ",SignedHeaders=" + signedHeaders +
         ",Signature=" + hex(hmac(key, toSign));
}

}  // namespace vnaops
