// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <json/json.h>

#include <chrono>
#include <memory>
#include <string>

struct pg_conn;  // libpq's

namespace vnaops {

// Asks the index's PostgreSQL itself, on a connection of its own: with one index connection (which is what Orthanc's
// PostgreSQL plug-in 5.0 needs under load) a check through Orthanc waits behind a long deletion, and a busy replica
// would leave the balancer.
class PostgresCheck {
 public:
  // From the section "PostgreSQL" of Orthanc's configuration; nothing where the index isn't there (EnableIndex).
  static std::unique_ptr<PostgresCheck> from(const Json::Value& configuration);
  ~PostgresCheck();
  PostgresCheck(const PostgresCheck&) = delete;
  PostgresCheck& operator=(const PostgresCheck&) = delete;

  // Throws std::runtime_error, without the password: no connection or no answer in time, or a standby that can't be
  // written.
  void attempt(std::chrono::milliseconds within);

 private:
  PostgresCheck() = default;
  void connect(std::chrono::steady_clock::time_point deadline);
  void query(std::chrono::steady_clock::time_point deadline);
  void close();

  std::string uri_, host_, port_, database_, user_, password_, sslMode_;
  pg_conn* connection_ = nullptr;
};

}  // namespace vnaops
