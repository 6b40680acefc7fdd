// Sends standard input to a port of this machine and prints the answer: ask_window PORT. Whoever
// runs it is a program of this Windows, as the system sees it.

#include <iostream>

#include <boost/asio/ip/tcp.hpp>

#include "platform/startup.h"

int main(int argc, char** argv) {
  const std::vector<std::string> given = obhut::platform::start_program(argc, argv);
  boost::asio::ip::tcp::iostream wire("127.0.0.1", given.at(1));
  wire << std::cin.rdbuf() << std::flush;
  // An empty answer is one too.
  std::cout << wire.rdbuf();
  return 0;
}
