// SPDX-License-Identifier: GPL-3.0-or-later
// What Orthanc calls: the storage area, the routes /ready and /metrics/s3. No exception may leave these functions.
#include <curl/curl.h>
#include <orthanc/OrthancCPlugin.h>

#include <cstring>
#include <memory>
#include <string>

#include "credentials.h"
#include "folder_check.h"
#include "index_check.h"
#include "metrics.h"
#include "object_store.h"
#include "probe_class.h"
#include "probe_sweep.h"
#include "readiness.h"
#include "settings.h"
#include "test_deletion.h"

namespace {

using namespace vnaops;

constexpr std::chrono::milliseconds kCheckWithin{2500};  // one attempt of a check
constexpr std::chrono::milliseconds kCheckLasts{4000};   // so that a replica is out within 5 s, whatever hangs
// Through Orthanc's own index connections, which may be busy with a deletion for a while; that PostgreSQL is there at
// all is seen by the check on a connection of its own.
constexpr std::chrono::milliseconds kBusyIndexLasts{30000};

OrthancPluginContext* orthanc = nullptr;

struct Bucket {
  CredentialsFile credentials;
  Metrics metrics;
  ObjectStore store;
  HttpClient checks;

  explicit Bucket(const Settings& settings)
      : credentials(settings.credentialsFile),
        store(settings, credentials, metrics),
        checks({settings.connectTimeout, kCheckWithin, kCheckWithin}, settings.caFile) {}
};

struct Plugin {
  Settings settings;
  std::unique_ptr<Bucket> bucket;  // none: Orthanc's own storage area
  std::unique_ptr<PostgresCheck> postgres;
  std::unique_ptr<TestDeletion> testDeletion;
  std::unique_ptr<ProbeSweep> sweep;  // none: there is no class probe
  Readiness readiness;

  explicit Plugin(const Json::Value& all)
      : settings(Settings::parse(all)),
        bucket(settings.enabled ? std::make_unique<Bucket>(settings) : nullptr),
        postgres(PostgresCheck::from(all)),
        testDeletion(settings.testPatientIdPrefix.empty()
                         ? nullptr
                         : std::make_unique<TestDeletion>(orthanc, settings.testPatientIdPrefix)) {
    if (settings.probePatientId.empty()) return;
    sweep = std::make_unique<ProbeSweep>(
        orthanc, bucket->metrics, settings.probePatientId, settings.probeRetentionDays, settings.probeSweepInterval,
        [this](const std::string& uuid) {
          return bucket->store.isGone(bucket->checks, key(uuid.c_str(), OrthancPluginContentType_Dicom));
        });
  }

  // The prefix and the uuid's first two characters spread the objects over folders for those who look at the bucket.
  std::string key(const char* uuid, OrthancPluginContentType type) const {
    const std::string id(uuid);
    if (id.size() != 36 || id.find_first_not_of("0123456789abcdefABCDEF-") != std::string::npos)
      throw std::runtime_error("not a UUID: the object has no key");
    return settings.prefix + id.substr(0, 2) + "/" + id +
           (type == OrthancPluginContentType_Dicom ? ".dcm" : "." + std::to_string(static_cast<int>(type)));
  }
};

std::unique_ptr<Plugin> plugin;

// Runs `act`, logs what it throws and gives `otherwise` then.
template <class Act>
OrthancPluginErrorCode guarded(OrthancPluginErrorCode otherwise, const Act& act) {
  try {
    return act();
  } catch (const StoreError& e) {
    OrthancPluginLogError(orthanc, e.what());
    return e.missing ? OrthancPluginErrorCode_UnknownResource : otherwise;
  } catch (const std::exception& e) {
    OrthancPluginLogError(orthanc, (std::string("S3 storage: ") + e.what()).c_str());
    return otherwise;
  }
}

OrthancPluginErrorCode create(const char* uuid, const void* content, int64_t size, OrthancPluginContentType type) {
  return guarded(OrthancPluginErrorCode_CannotWriteFile, [&] {
    const auto* data = static_cast<const char*>(content);
    const auto length = static_cast<uint64_t>(size);
    const ObjectClass objectClass = type == OrthancPluginContentType_Dicom
                                        ? classify(data, length, plugin->settings.probePatientId)
                                        : ObjectClass::Ordinary;
    plugin->bucket->store.put(plugin->key(uuid, type), data, length, objectClass);
    return OrthancPluginErrorCode_Success;
  });
}

OrthancPluginErrorCode readWhole(OrthancPluginMemoryBuffer64* target, const char* uuid, OrthancPluginContentType type) {
  *target = {};
  const OrthancPluginErrorCode code = guarded(OrthancPluginErrorCode_StorageAreaPlugin, [&] {
    plugin->bucket->store.read(plugin->key(uuid, type), [&](uint64_t length) {
      OrthancPluginFreeMemoryBuffer64(orthanc, target);  // of a first attempt
      *target = {};
      if (OrthancPluginCreateMemoryBuffer64(orthanc, target, length) != OrthancPluginErrorCode_Success)
        throw std::bad_alloc();
      static char empty;
      return length == 0 ? &empty : static_cast<char*>(target->data);
    });
    return OrthancPluginErrorCode_Success;
  });
  if (code != OrthancPluginErrorCode_Success) {
    OrthancPluginFreeMemoryBuffer64(orthanc, target);
    *target = {};
  }
  return code;
}

OrthancPluginErrorCode readRange(OrthancPluginMemoryBuffer64* target, const char* uuid, OrthancPluginContentType type,
                                 uint64_t start) {
  return guarded(OrthancPluginErrorCode_StorageAreaPlugin, [&] {
    plugin->bucket->store.readRange(plugin->key(uuid, type), start, static_cast<char*>(target->data), target->size);
    return OrthancPluginErrorCode_Success;
  });
}

OrthancPluginErrorCode removeObject(const char* uuid, OrthancPluginContentType type) {
  return guarded(OrthancPluginErrorCode_StorageAreaPlugin, [&] {
    if (plugin->sweep && plugin->sweep->isForgetting(uuid)) return OrthancPluginErrorCode_Success;
    plugin->bucket->store.remove(plugin->key(uuid, type));
    return OrthancPluginErrorCode_Success;
  });
}

void askIndex() {
  OrthancPluginMemoryBuffer answer{};
  const OrthancPluginErrorCode code = OrthancPluginRestApiGet(orthanc, &answer, "/changes?last");
  OrthancPluginFreeMemoryBuffer(orthanc, &answer);
  if (code != OrthancPluginErrorCode_Success)
    throw std::runtime_error("Orthanc can't read its index (error " + std::to_string(code) + ")");
}

OrthancPluginErrorCode changed(OrthancPluginChangeType change, OrthancPluginResourceType, const char*) {
  return guarded(OrthancPluginErrorCode_Plugin, [&] {
    if (change == OrthancPluginChangeType_OrthancStarted) {
      Readiness::Checks index;
      Readiness::Checks storage;
      if (plugin->postgres)
        index.push_back(std::make_unique<Check>("index", kCheckLasts, [] { plugin->postgres->attempt(kCheckWithin); }));
      index.push_back(
          std::make_unique<Check>("index through Orthanc", plugin->postgres ? kBusyIndexLasts : kCheckLasts, askIndex));
      if (plugin->bucket) {
        storage.push_back(std::make_unique<Check>(
            "bucket", kCheckLasts, [] { plugin->bucket->store.checkBucket(plugin->bucket->checks); }));
      } else {
        storage.push_back(
            std::make_unique<Check>("folder", kCheckLasts, [] { checkFolder(plugin->settings.storageFolder); }));
      }
      plugin->readiness.start(std::move(index), std::move(storage));
      if (plugin->sweep) plugin->sweep->start();
    } else if (change == OrthancPluginChangeType_OrthancStopped) {
      if (plugin->sweep) plugin->sweep->stop();
      plugin->readiness.stop();
    }
    return OrthancPluginErrorCode_Success;
  });
}

bool onlyGet(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest* request) {
  if (request->method == OrthancPluginHttpMethod_Get) return true;
  OrthancPluginSendMethodNotAllowed(orthanc, output, "GET");
  return false;
}

OrthancPluginErrorCode ready(OrthancPluginRestOutput* output, const char*, const OrthancPluginHttpRequest* request) {
  return guarded(OrthancPluginErrorCode_Plugin, [&] {
    if (!onlyGet(output, request)) return OrthancPluginErrorCode_Success;
    const Readiness::Answer answer = plugin->readiness.answer();
    if (answer.ready) {
      OrthancPluginAnswerBuffer(orthanc, output, answer.json.data(), static_cast<uint32_t>(answer.json.size()),
                                "application/json");
    } else {
      OrthancPluginSetHttpHeader(orthanc, output, "Content-Type", "application/json");
      OrthancPluginSendHttpStatus(orthanc, output, 503, answer.json.data(), static_cast<uint32_t>(answer.json.size()));
    }
    return OrthancPluginErrorCode_Success;
  });
}

OrthancPluginErrorCode metricsText(OrthancPluginRestOutput* output, const char*,
                                   const OrthancPluginHttpRequest* request) {
  return guarded(OrthancPluginErrorCode_Plugin, [&] {
    if (!onlyGet(output, request)) return OrthancPluginErrorCode_Success;
    const std::string text = plugin->bucket->metrics.text();
    OrthancPluginAnswerBuffer(orthanc, output, text.data(), static_cast<uint32_t>(text.size()),
                              "text/plain; version=0.0.4; charset=utf-8");
    return OrthancPluginErrorCode_Success;
  });
}

OrthancPluginErrorCode deleteTestStudy(OrthancPluginRestOutput* output, const char*,
                                       const OrthancPluginHttpRequest* request) {
  return guarded(OrthancPluginErrorCode_Plugin, [&] {
    if (request->method != OrthancPluginHttpMethod_Delete) {
      OrthancPluginSendMethodNotAllowed(orthanc, output, "DELETE");
      return OrthancPluginErrorCode_Success;
    }
    const TestDeletion::Answer answer = plugin->testDeletion->remove(request->groups[0]);
    OrthancPluginSetHttpHeader(orthanc, output, "Content-Type", "application/json");
    OrthancPluginSendHttpStatus(orthanc, output, answer.status, answer.json.data(),
                                static_cast<uint32_t>(answer.json.size()));
    return OrthancPluginErrorCode_Success;
  });
}

}  // namespace

extern "C" {

ORTHANC_PLUGINS_API int32_t OrthancPluginInitialize(OrthancPluginContext* context) {
  orthanc = context;
  if (OrthancPluginCheckVersion(context) == 0) {
    OrthancPluginLogError(context, "S3 storage: this Orthanc is older than the one the plug-in was built for");
    return -1;
  }
  try {
    char* configuration = OrthancPluginGetConfiguration(context);
    if (configuration == nullptr) throw std::runtime_error("Orthanc gives no configuration");
    const std::string text(configuration);
    OrthancPluginFreeString(context, configuration);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    plugin = std::make_unique<Plugin>(parseConfiguration(text));
  } catch (const std::exception& e) {
    OrthancPluginLogError(context, (std::string("S3 storage: ") + e.what()).c_str());
    return -1;
  }
  OrthancPluginRegisterOnChangeCallback(context, changed);
  OrthancPluginRegisterRestCallbackNoLock(context, "/ready", ready);
  if (plugin->bucket) {
    OrthancPluginRegisterStorageArea2(context, create, readWhole, readRange, removeObject);
    OrthancPluginRegisterRestCallbackNoLock(context, "/metrics/s3", metricsText);
    OrthancPluginLogWarning(
        context, ("S3 storage: bucket " + plugin->settings.bucket + " at " + plugin->settings.endpoint).c_str());
  } else {
    OrthancPluginLogWarning(context, ("S3 storage: off; instances are in " + plugin->settings.storageFolder).c_str());
  }
  if (plugin->testDeletion) {
    OrthancPluginRegisterRestCallbackNoLock(context, "/test-studies/(.*)", deleteTestStudy);
    OrthancPluginLogWarning(context, "S3 storage: studies of test patients can be deleted at /test-studies/");
  }
  return 0;
}

ORTHANC_PLUGINS_API void OrthancPluginFinalize() {
  plugin.reset();
  curl_global_cleanup();
}

ORTHANC_PLUGINS_API const char* OrthancPluginGetName() { return "vnaops-s3-storage"; }

ORTHANC_PLUGINS_API const char* OrthancPluginGetVersion() { return "0.1.0"; }
}
