// SPDX-License-Identifier: GPL-3.0-or-later
#include "index_check.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <stdexcept>

namespace vnaops {
namespace {

using Clock = std::chrono::steady_clock;

void wait(PGconn* connection, short events, Clock::time_point deadline) {
  pollfd waiting{PQsocket(connection), events, 0};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0)
    throw std::runtime_error("PostgreSQL gives no answer in time");
}

// The first line: libpq adds a hint in a second one.
std::string words(const PGconn* connection) {
  std::string text = PQerrorMessage(connection);
  text = text.substr(0, std::min<size_t>(text.find('\n'), 200));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text.empty() ? "the connection to PostgreSQL failed" : text;
}

}  // namespace

std::unique_ptr<PostgresCheck> PostgresCheck::from(const Json::Value& configuration) {
  const Json::Value& section = configuration["PostgreSQL"];
  if (!section.isObject() || !section.get("EnableIndex", false).asBool()) return nullptr;
  std::unique_ptr<PostgresCheck> check(new PostgresCheck);  // the constructor is private
  check->uri_ = section.get("ConnectionUri", "").asString();
  check->host_ = section.get("Host", "localhost").asString();
  check->port_ = section.get("Port", 5432).asString();
  check->database_ = section.get("Database", "orthanc").asString();
  check->user_ = section.get("Username", "").asString();
  check->password_ = section.get("Password", "").asString();
  check->sslMode_ = section.get("EnableSsl", false).asBool() ? "require" : "disable";  // as the index plug-in does
  return check;
}

PostgresCheck::~PostgresCheck() { close(); }

void PostgresCheck::close() {
  PQfinish(connection_);
  connection_ = nullptr;
}

void PostgresCheck::attempt(std::chrono::milliseconds within) {
  const Clock::time_point deadline = Clock::now() + within;
  try {
    if (connection_ != nullptr) {
      try {
        query(deadline);
        return;
      } catch (const std::runtime_error&) {
        close();  // it may have been cut by a restart that is over
      }
    }
    connect(deadline);
    query(deadline);
  } catch (const std::runtime_error&) {
    close();
    throw;
  }
}

void PostgresCheck::connect(Clock::time_point deadline) {
  if (uri_.empty()) {
    const char* keys[] = {"host", "port", "dbname", "user", "password", "sslmode", "application_name", nullptr};
    const char* values[] = {host_.c_str(),     port_.c_str(),    database_.c_str(), user_.c_str(),
                            password_.c_str(), sslMode_.c_str(), "vnaops-ready",    nullptr};
    connection_ = PQconnectStartParams(keys, values, 0);
  } else {
    const char* keys[] = {"dbname", "application_name", nullptr};
    const char* values[] = {uri_.c_str(), "vnaops-ready", nullptr};
    connection_ = PQconnectStartParams(keys, values, 1);
  }
  if (connection_ == nullptr) throw std::runtime_error("libpq is out of memory");
  if (PQstatus(connection_) == CONNECTION_BAD) throw std::runtime_error(words(connection_));
  for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
       state = PQconnectPoll(connection_)) {
    if (state == PGRES_POLLING_FAILED) throw std::runtime_error(words(connection_));
    wait(connection_, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
  }
}

void PostgresCheck::query(Clock::time_point deadline) {
  if (PQsendQuery(connection_, "SELECT pg_is_in_recovery()") != 1) throw std::runtime_error(words(connection_));
  std::string recovers;
  for (;;) {
    while (PQisBusy(connection_) != 0) {
      wait(connection_, POLLIN, deadline);
      if (PQconsumeInput(connection_) != 1) throw std::runtime_error(words(connection_));
    }
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_), PQclear);
    if (!result) break;
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1)
      throw std::runtime_error(words(connection_));
    recovers = PQgetvalue(result.get(), 0, 0);
  }
  if (recovers != "f") throw std::runtime_error("PostgreSQL is a standby: it can't be written");
}

}  // namespace vnaops
