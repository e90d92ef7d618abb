/* Tries what a container must not be able to do, and prints for each how it ended: `done`, or the name of the error. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <netinet/in.h>
#include <unistd.h>

static void tell(const char *what, long result) {
  printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

int main(void) {
  printf("uid %d\n", geteuid());
  tell("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  tell("unshare-user", syscall(SYS_unshare, CLONE_NEWUSER));
  tell("unshare-mount", syscall(SYS_unshare, CLONE_NEWNS));
  tell("unshare-net", syscall(SYS_unshare, CLONE_NEWNET));
  tell("mount", mount("none", "/tmp", "tmpfs", 0, ""));
  tell("raw-socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  tell("packet-socket", socket(AF_PACKET, SOCK_RAW, 0));
  tell("mknod", mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)));
  tell("chroot", chroot("/tmp"));
  tell("sethostname", sethostname("other", 5));
  tell("bpf", syscall(SYS_bpf, 0, 0, 0));
  return 0;
}
