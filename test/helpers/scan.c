/*
 * scan ADDRESS FIRST LAST [ADDRESS FIRST LAST …]: connects to each TCP port of each address, and prints those that take
 * connections as `ADDRESS:PORT`, then `done`. What does not answer within a second does not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 256

static int begin(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) exit(2);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) exit(3);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  return fd;
}

static void scan(const char *address, int first, int last) {
  struct pollfd fds[BATCH];
  for (int start = first; start <= last; start += BATCH) {
    int count = last - start + 1 < BATCH ? last - start + 1 : BATCH, waits = 0;
    for (int i = 0; i < count; i++) fds[i] = (struct pollfd){.fd = begin(address, start + i), .events = POLLOUT};
    for (int left = count; left > 0 && waits < 10; ) {
      if (poll(fds, (nfds_t)count, 100) == 0) waits++;
      left = 0;
      for (int i = 0; i < count; i++) {
        if (fds[i].fd < 0) continue;
        if (fds[i].revents == 0) {
          left++;
          continue;
        }
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0) printf("%s:%d\n", address, start + i);
        close(fds[i].fd);
        fds[i].fd = -1;
      }
    }
    for (int i = 0; i < count; i++) if (fds[i].fd >= 0) close(fds[i].fd);
  }
}

int main(int argc, char **argv) {
  for (int i = 1; i + 2 < argc; i += 3) scan(argv[i], atoi(argv[i + 1]), atoi(argv[i + 2]));
  puts("done");
  return 0;
}
