// SPDX-License-Identifier: GPL-3.0-or-later
// A small stand-in for Orthanc: loads the plug-in and does what it is told on standard input, one command a line;
// answers each with one line of JSON: what came back, and what the plug-in has logged since. Its own failures end it
// with status 2.
#include <dlfcn.h>
#include <json/json.h>
#include <orthanc/OrthancCPlugin.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

_OrthancPluginRegisterStorageArea2 storage{};
OrthancPluginOnChangeCallback changed = nullptr;
std::map<std::string, OrthancPluginRestCallback> routes;
std::string configuration;

std::mutex mutex;
std::condition_variable indexChanged;
std::vector<std::string> logged;
std::string index = "ok";  // ok, fail or hang
struct Answered {
  int status = 0;
  std::string body, type;
} answered;

[[noreturn]] void die(const std::string& why) {
  std::cerr << "driver: " << why << std::endl;
  std::_Exit(2);
}

OrthancPluginErrorCode askIndex() {
  std::unique_lock<std::mutex> lock(mutex);
  indexChanged.wait(lock, [] { return index != "hang"; });
  return index == "ok" ? OrthancPluginErrorCode_Success : OrthancPluginErrorCode_DatabaseUnavailable;
}

void allocate(void** data, uint64_t size) { *data = size == 0 ? nullptr : std::malloc(size); }

OrthancPluginErrorCode invoke(OrthancPluginContext*, _OrthancPluginService service, const void* params) {
  switch (service) {
    case _OrthancPluginService_LogError:
    case _OrthancPluginService_LogWarning:
    case _OrthancPluginService_LogInfo: {
      const std::lock_guard<std::mutex> lock(mutex);
      logged.emplace_back(static_cast<const char*>(params));
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_GetConfiguration:
      *static_cast<const _OrthancPluginRetrieveDynamicString*>(params)->result = strdup(configuration.c_str());
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_RegisterStorageArea2:
      storage = *static_cast<const _OrthancPluginRegisterStorageArea2*>(params);
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_RegisterOnChangeCallback:
      changed = static_cast<const _OrthancPluginOnChangeCallback*>(params)->callback;
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_RegisterRestCallbackNoLock: {
      const auto* p = static_cast<const _OrthancPluginRestCallback*>(params);
      routes[p->pathRegularExpression] = p->callback;
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_CreateMemoryBuffer64: {
      const auto* p = static_cast<const _OrthancPluginCreateMemoryBuffer64*>(params);
      allocate(&p->target->data, p->size);
      p->target->size = p->size;
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_RestApiGet:
      return askIndex();
    case _OrthancPluginService_RestApiPost: {  // a search that finds nothing
      const OrthancPluginErrorCode code = askIndex();
      OrthancPluginMemoryBuffer* target = static_cast<const _OrthancPluginRestApiPostPut*>(params)->target;
      *target = {};
      if (code == OrthancPluginErrorCode_Success) *target = {strdup("[]"), 2};
      return code;
    }
    case _OrthancPluginService_AnswerBuffer: {
      const auto* p = static_cast<const _OrthancPluginAnswerBuffer*>(params);
      answered = {200, std::string(static_cast<const char*>(p->answer), p->answerSize), p->mimeType};
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_SetHttpHeader:
      answered.type = static_cast<const _OrthancPluginSetHttpHeader*>(params)->value;
      return OrthancPluginErrorCode_Success;
    case _OrthancPluginService_SendHttpStatus: {
      const auto* p = static_cast<const _OrthancPluginSendHttpStatus*>(params);
      answered.status = p->status;
      answered.body.assign(p->body, p->bodySize);
      return OrthancPluginErrorCode_Success;
    }
    case _OrthancPluginService_SendMethodNotAllowed:
      answered.status = 405;
      return OrthancPluginErrorCode_Success;
    default:
      die("the plug-in asks for a service that is not here: " + std::to_string(service));
  }
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) die("can't read " + path);
  return text.str();
}

void keep(const std::string& path, const void* data, uint64_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  if (!file) die("can't write " + path);
}

// Threads that each store, read whole, read a range of and remove objects of their own; the number of things that went
// wrong.
int together(int threads, int rounds, size_t size) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; t++) {
    all.emplace_back([=, &wrong] {
      for (int r = 0; r < rounds; r++) {
        char uuid[37];
        std::snprintf(uuid, sizeof uuid, "%08x-0000-4000-8000-%012x", static_cast<unsigned>(t + 1) * 0x01010101U,
                      static_cast<unsigned>(r));
        const std::string data(size, static_cast<char>('a' + (t * rounds + r) % 26));
        wrong += storage.create(uuid, data.data(), static_cast<int64_t>(size), OrthancPluginContentType_Dicom) !=
                 OrthancPluginErrorCode_Success;
        OrthancPluginMemoryBuffer64 whole{};
        wrong += storage.readWhole(&whole, uuid, OrthancPluginContentType_Dicom) != OrthancPluginErrorCode_Success ||
                 whole.size != size || std::memcmp(whole.data, data.data(), size) != 0;
        std::free(whole.data);
        std::string part(size / 2, '?');
        OrthancPluginMemoryBuffer64 range{&part[0], part.size()};
        wrong += storage.readRange(&range, uuid, OrthancPluginContentType_Dicom, size / 4) !=
                     OrthancPluginErrorCode_Success ||
                 part != data.substr(size / 4, size / 2);
        wrong += storage.remove(uuid, OrthancPluginContentType_Dicom) != OrthancPluginErrorCode_Success;
      }
    });
  }
  for (std::thread& one : all) one.join();
  return wrong;
}

Json::Value act(const std::string& command, std::istringstream& words) {
  Json::Value said;
  std::string uuid, path;
  int type = 0;
  uint64_t start = 0, length = 0;
  if (command == "put") {
    words >> uuid >> type >> path;
    const std::string data = contents(path);
    said["code"] = storage.create(uuid.c_str(), data.data(), static_cast<int64_t>(data.size()),
                                  static_cast<OrthancPluginContentType>(type));
  } else if (command == "get") {
    words >> uuid >> type >> path;
    OrthancPluginMemoryBuffer64 whole{};
    said["code"] = storage.readWhole(&whole, uuid.c_str(), static_cast<OrthancPluginContentType>(type));
    if (said["code"] == 0) keep(path, whole.data, whole.size);
    std::free(whole.data);
  } else if (command == "range") {
    words >> uuid >> type >> start >> length >> path;
    std::vector<char> room(length);
    OrthancPluginMemoryBuffer64 range{room.data(), length};
    said["code"] = storage.readRange(&range, uuid.c_str(), static_cast<OrthancPluginContentType>(type), start);
    if (said["code"] == 0) keep(path, room.data(), length);
  } else if (command == "remove") {
    words >> uuid >> type;
    said["code"] = storage.remove(uuid.c_str(), static_cast<OrthancPluginContentType>(type));
  } else if (command == "route") {
    std::string method;
    words >> method >> path;
    if (routes.count(path) == 0) die("no such route: " + path);
    answered = {};
    OrthancPluginHttpRequest request{};
    request.method = method == "GET" ? OrthancPluginHttpMethod_Get : OrthancPluginHttpMethod_Post;
    said["code"] = routes[path](nullptr, path.c_str(), &request);
    said["status"] = answered.status;
    said["body"] = answered.body;
    said["type"] = answered.type;
  } else if (command == "started" || command == "stopped") {
    const auto change =
        command == "started" ? OrthancPluginChangeType_OrthancStarted : OrthancPluginChangeType_OrthancStopped;
    said["code"] = changed(change, OrthancPluginResourceType_None, nullptr);
  } else if (command == "index") {
    const std::lock_guard<std::mutex> lock(mutex);
    words >> index;
    indexChanged.notify_all();
    said["code"] = 0;
  } else if (command == "together") {
    int threads = 0, rounds = 0;
    size_t size = 0;
    words >> threads >> rounds >> size;
    said["wrong"] = together(threads, rounds, size);
  } else {
    die("no such command: " + command);
  }
  return said;
}

void answer(Json::Value said) {
  said["log"] = Json::Value(Json::arrayValue);
  {
    const std::lock_guard<std::mutex> lock(mutex);
    for (const std::string& line : logged) said["log"].append(line);
    logged.clear();
  }
  Json::StreamWriterBuilder writer;
  writer["indentation"] = "";
  std::cout << Json::writeString(writer, said) << std::endl;
}

template <class Function>
Function symbol(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) die(std::string("the plug-in lacks ") + name);
  return reinterpret_cast<Function>(found);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) die("usage: driver PLUGIN CONFIGURATION");
  configuration = contents(argv[2]);
  void* library = dlopen(argv[1], RTLD_NOW);
  if (library == nullptr) die(dlerror());
  OrthancPluginContext context{};
  context.orthancVersion = "mainline";
  context.Free = std::free;
  context.InvokeService = invoke;
  Json::Value said;
  said["code"] = symbol<int32_t (*)(OrthancPluginContext*)>(library, "OrthancPluginInitialize")(&context);
  answer(said);
  if (said["code"] == 0) {
    std::string line;
    while (std::getline(std::cin, line)) {
      std::istringstream words(line);
      std::string command;
      words >> command;
      answer(act(command, words));
    }
    symbol<void (*)()>(library, "OrthancPluginFinalize")();
  }
  return 0;
}
