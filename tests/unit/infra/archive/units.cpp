// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of the storage area that need neither Orthanc nor S3. Prints what is wrong and ends with status 1.
#include <iostream>
#include <random>
#include <string>

#include "answers.h"
#include "blocks.h"
#include "credentials.h"
#include "metrics.h"
#include "signature.h"

namespace {

using namespace vnaops;

int wrong = 0;

template <class A, class B>
void same(const char* what, const A& got, const B& expected) {
  if (got == expected) return;
  std::cout << what << ":\n  got      " << got << "\n  expected " << expected << std::endl;
  wrong++;
}

// The keys and requests of the Amazon S3 API reference, "Signature calculations for the Authorization header", examples
// of 2013-05-24.
void signatureIsThatOfTheReference() {
  const Credentials keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
  const std::time_t when = 1369353600;
  const std::string empty = hex(sha256("", 0));
  same("time", basicTime(when), "20130524T000000Z");
  const Headers get{{"host", "examplebucket.s3.amazonaws.com"},
                    {"range", "bytes=0-9"},
                    {"x-amz-content-sha256", empty},
                    {"x-amz-date", basicTime(when)}};
  same("GET of a range", authorization(keys, "us-east-1", "GET", "/test.txt", {}, get, empty, when),
       "AWS4-HMAC-SHA256 "
       "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
       "aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
       "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  const std::string text = "Welcome to Amazon S3.";
  const std::string hash = hex(sha256(text.data(), text.size()));
  const Headers put{{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                    {"host", "examplebucket.s3.amazonaws.com"},
                    {"x-amz-content-sha256", hash},
                    {"x-amz-date", basicTime(when)},
                    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  same("PUT", authorization(keys, "us-east-1", "PUT", "/test%24file.text", {}, put, hash, when),
       "AWS4-HMAC-SHA256 "
       "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
       "aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;"
       "x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  const Headers list{
      {"host", "examplebucket.s3.amazonaws.com"}, {"x-amz-content-sha256", empty}, {"x-amz-date", basicTime(when)}};
  same("GET of a list",
       authorization(keys, "us-east-1", "GET", "/", {{"max-keys", "2"}, {"prefix", "J"}}, list, empty, when),
       "AWS4-HMAC-SHA256 "
       "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
       "aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
       "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

void textsAreEncoded() {
  same("percent", percentEncoded("aZ0-._~/ +ä"), "aZ0-._~%2F%20%2B%C3%A4");
  same("query", queryString({{"uploads", ""}, {"partNumber", "1"}}), "partNumber=1&uploads=");
  same("hex", hex(sha256("abc", 3)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  same("base64", base64(sha256("abc", 3)), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

void refusalsAreWords() {
  HttpAnswer answer;
  answer.status = 503;
  answer.body =
      "<?xml "
      "version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please\nreduce</Message><StringToSign>secret</"
      "StringToSign></Error>";
  same("reason", reason(answer), "503 SlowDown \"Please?reduce\"");
  answer.body = "<Error><Code>Half";
  same("half a body", reason(answer), "503");
  answer.status = 0;
  answer.trouble = "cut";
  same("no answer", reason(answer), "no answer: cut");
}

void rangesAreTakenExactly() {
  const auto range = contentRange("bytes 10-19/1000");
  same("range", range && range->first == 10 && range->last == 19 && range->total == 1000, true);
  for (const char* no :
       {"", "bytes */1000", "bytes 10-19/*", "bytes 19-10/1000", "bytes 10-1000/1000", "bytes 10-19/1000 ",
        "bytes=10-19/1000", "bytes -1-19/1000", "bytes 10-99999999999999999999/1000"}) {
    same(no, contentRange(no).has_value(), false);
  }
}

void credentialsAreTheDefaultProfile() {
  const Credentials keys = parseCredentials(
      "[other]\naws_access_key_id=no\n# a remark\n[default]\r\naws_access_key_id = AK\r\naws_secret_access_key=a=b/c\n"
      "aws_session_token = T\n[last]\naws_secret_access_key=no\n");
  same("access key", keys.accessKey, "AK");
  same("secret key", keys.secretKey, "a=b/c");
  same("session token", keys.sessionToken, "T");
  for (const char* no : {"", "[default]\naws_access_key_id=AK\n", "aws_access_key_id=AK\naws_secret_access_key=SK\n",
                         "[default]\naws_access_key_id=A K\naws_secret_access_key=SK"}) {
    try {
      (void)parseCredentials(no);
      same(no, true, false);
    } catch (const std::runtime_error& e) {
      same("refusal", e.what(),
           std::string("has no usable aws_access_key_id and aws_secret_access_key under [default]"));
    }
  }
}

// The check value of CRC-32C for "123456789", and RFC 3720 B.4's 32 bytes of zeros.
void blocksTellWhatWasChanged() {
  same("crc", crc32c("123456789", 9), 0xe3069283U);
  same("crc of zeros", crc32c(std::string(32, '\0').data(), 32), 0x8a9136aaU);
  std::string data(200000, 'x');
  const auto blocks = Blocks::of(data.data(), data.size());
  same("blocks", blocks && blocks->size == 65536 && blocks->sums.size() == 4, true);
  const auto again = Blocks::parse(blocks->text());
  same("parsed", again && again->size == blocks->size && again->sums == blocks->sums, true);
  same("whole", again->match(0, data.data(), data.size()), true);
  same("second block", again->match(65536, data.data() + 65536, 65536), true);
  same("last block", again->match(3 * 65536, data.data() + 3 * 65536, data.size() - 3 * 65536), true);
  same("not at a block", again->match(1, data.data(), 65536), false);
  same("behind the end", again->match(4 * 65536, data.data(), 10), false);
  data[70000] = 'y';
  same("changed", again->match(65536, data.data() + 65536, 65536), false);
  same("another block", again->match(0, data.data(), 65536), true);
  same("none of nothing", Blocks::of("", 0).has_value(), false);
  for (const char* no : {"", ":", "65536:", "65536:0123456", "65536:0123456G", "65537:01234567", "2097152:01234567",
                         "065536:01234567"}) {
    same(no, Blocks::parse(no).has_value(), false);
  }
}

// Whatever a peer sends: the sanitizers watch.
void parsersSurviveAnything() {
  std::mt19937 random(11);
  const std::string pieces[] = {
      "<Code>", "</Code>", "<Message>",         "bytes ", "-", "/", "18446744073709551616", "[default]",
      "=",      "\n",      "aws_access_key_id", "\xff",   "<", ""};
  for (int round = 0; round < 20000; round++) {
    std::string text;
    for (auto n = random() % 12; n > 0; n--) {
      text += random() % 3 == 0 ? std::string(1, static_cast<char>(random()))
                                : pieces[random() % (sizeof pieces / sizeof *pieces)];
    }
    HttpAnswer answer;
    answer.status = static_cast<long>(random() % 700);
    answer.body = text;
    (void)reason(answer);
    (void)contentRange(text);
    (void)Blocks::parse(text);
    try {
      (void)parseCredentials(text);
    } catch (const std::runtime_error&) {
      continue;
    }
  }
}

void histogramsAddUp() {
  Metrics metrics;
  metrics.request(Operation::Put, 200, 0.001, 5, 0);
  metrics.request(Operation::Put, 0, 99, 0, 0);
  const std::string text = metrics.text();
  for (const char* line : {"vnaops_s3_storage_request_duration_seconds_bucket{operation=\"put\",le=\"0.001\"} 1\n",
                           "vnaops_s3_storage_request_duration_seconds_bucket{operation=\"put\",le=\"30\"} 1\n",
                           "vnaops_s3_storage_request_duration_seconds_bucket{operation=\"put\",le=\"+Inf\"} 2\n",
                           "vnaops_s3_storage_request_duration_seconds_count{operation=\"put\"} 2\n",
                           "vnaops_s3_storage_requests_total{operation=\"put\",status=\"none\"} 1\n",
                           "vnaops_s3_storage_sent_bytes_total{operation=\"put\"} 5\n"}) {
    same(line, text.find(line) != std::string::npos, true);
  }
}

void sweepsAreCounted() {
  Metrics metrics;
  metrics.forgotten();
  metrics.swept(1000, true);
  metrics.swept(2000, false);
  const std::string text = metrics.text();
  for (const char* line : {"vnaops_s3_storage_probe_rows_forgotten_total 1\n",
                           "vnaops_s3_storage_probe_sweep_failures_total 1\n",
                           "vnaops_s3_storage_probe_sweep_last_success_timestamp_seconds 1000\n"}) {
    same(line, text.find(line) != std::string::npos, true);
  }
}

}  // namespace

int main() {
  signatureIsThatOfTheReference();
  textsAreEncoded();
  refusalsAreWords();
  rangesAreTakenExactly();
  credentialsAreTheDefaultProfile();
  blocksTellWhatWasChanged();
  parsersSurviveAnything();
  histogramsAddUp();
  sweepsAreCounted();
  return wrong == 0 ? 0 : 1;
}
