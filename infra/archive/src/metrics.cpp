// SPDX-License-Identifier: GPL-3.0-or-later
#include "metrics.h"

#include <cmath>
#include <sstream>

namespace vnaops {
namespace {

constexpr const char* kPrefix = "vnaops_s3_storage_";
constexpr const char* kStatusNames[] = {"none", "2xx", "3xx", "4xx", "5xx"};

size_t statusIndex(long status) {
  if (status < 200 || status > 599) return 0;
  return static_cast<size_t>(status / 100) - 1;
}

void head(std::ostream& out, const char* metric, const char* type, const char* help) {
  out << "# HELP " << kPrefix << metric << ' ' << help << "\n# TYPE " << kPrefix << metric << ' ' << type << '\n';
}

}  // namespace

const char* name(Operation operation) {
  static constexpr const char* names[kOperations] = {"put",
                                                     "get",
                                                     "get_range",
                                                     "head",
                                                     "delete",
                                                     "create_multipart",
                                                     "put_part",
                                                     "complete_multipart",
                                                     "abort_multipart",
                                                     "check_bucket"};
  return names[static_cast<size_t>(operation)];
}

void Metrics::request(Operation operation, long status, double seconds, uint64_t sent, uint64_t received) {
  Counts& counts = counts_[static_cast<size_t>(operation)];
  counts.byStatus[statusIndex(status)]++;
  size_t bound = 0;
  while (bound < kBounds.size() && seconds > kBounds[bound]) bound++;
  counts.bySeconds[bound]++;
  counts.microseconds += static_cast<uint64_t>(std::llround(seconds * 1e6));
  counts.sent += sent;
  counts.received += received;
}

void Metrics::retry(Operation operation) { counts_[static_cast<size_t>(operation)].retries++; }

void Metrics::failure(Operation operation) { counts_[static_cast<size_t>(operation)].failures++; }

void Metrics::stored(ObjectClass objectClass) { stored_[static_cast<size_t>(objectClass)]++; }

void Metrics::inFlight(int change) { inFlight_ += change; }

void Metrics::forgotten() { forgotten_++; }

void Metrics::swept(std::time_t when, bool isSound) {
  if (isSound) {
    swept_ = when;
  } else {
    sweepFailures_++;
  }
}

std::string Metrics::text() const {
  std::ostringstream out;
  const auto each = [&](const char* metric, const char* type, const char* help, const auto& value) {
    head(out, metric, type, help);
    for (size_t o = 0; o < kOperations; o++) {
      out << kPrefix << metric << "{operation=\"" << name(static_cast<Operation>(o)) << "\"} " << value(counts_[o])
          << '\n';
    }
  };
  head(out, "requests_total", "counter",
       "Requests to S3, by what was asked and the class of the answer's status (none: no answer).");
  for (size_t o = 0; o < kOperations; o++) {
    for (size_t s = 0; s < kStatuses; s++) {
      out << kPrefix << "requests_total{operation=\"" << name(static_cast<Operation>(o)) << "\",status=\""
          << kStatusNames[s] << "\"} " << counts_[o].byStatus[s] << '\n';
    }
  }
  each("retries_total", "counter", "Requests that were repeated after a failed first attempt.",
       [](const Counts& c) { return c.retries.load(); });
  each("failures_total", "counter", "Operations given up: a store, read or removal that failed.",
       [](const Counts& c) { return c.failures.load(); });
  each("sent_bytes_total", "counter", "Bytes of request bodies that were sent.",
       [](const Counts& c) { return c.sent.load(); });
  each("received_bytes_total", "counter", "Bytes of answer bodies that were received.",
       [](const Counts& c) { return c.received.load(); });
  head(out, "objects_total", "counter", "Objects that S3 has taken, by the class they are kept as.");
  for (size_t c = 0; c < stored_.size(); c++)
    out << kPrefix << "objects_total{class=\"" << kClassNames[c] << "\"} " << stored_[c] << '\n';
  head(out, "request_duration_seconds", "histogram",
       "Time of one request to S3, from its start to the end of the answer.");
  for (size_t o = 0; o < kOperations; o++) {
    const std::string series = std::string(kPrefix) + "request_duration_seconds";
    const std::string label = std::string("operation=\"") + name(static_cast<Operation>(o)) + "\"";
    uint64_t sum = 0;
    for (size_t b = 0; b < kBounds.size(); b++) {
      sum += counts_[o].bySeconds[b];
      out << series << "_bucket{" << label << ",le=\"" << kBounds[b] << "\"} " << sum << '\n';
    }
    sum += counts_[o].bySeconds[kBounds.size()];
    out << series << "_bucket{" << label << ",le=\"+Inf\"} " << sum << '\n';
    out << series << "_sum{" << label << "} " << static_cast<double>(counts_[o].microseconds) / 1e6 << '\n';
    out << series << "_count{" << label << "} " << sum << '\n';
  }
  head(out, "requests_in_flight", "gauge", "Requests to S3 that have no complete answer yet.");
  out << kPrefix << "requests_in_flight " << inFlight_ << '\n';
  const auto one = [&](const char* metric, const char* type, const char* help, auto value) {
    head(out, metric, type, help);
    out << kPrefix << metric << ' ' << value << '\n';
  };
  one("probe_rows_forgotten_total", "counter",
      "Rows of expired probes that were taken out of the index, since their objects are gone.", forgotten_.load());
  one("probe_sweep_failures_total", "counter",
      "Rounds of the sweep of expired probes that ended early: index or bucket gave no sure answer.",
      sweepFailures_.load());
  one("probe_sweep_last_success_timestamp_seconds", "gauge",
      "When a round of the sweep of expired probes last came to its end (0: not yet).", swept_.load());
  return out.str();
}

}  // namespace vnaops
