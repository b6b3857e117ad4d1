package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// examineKey looks for the key without which nothing in the data folder can be read.
func examineKey(_ context.Context, s *settings) []diagnosis {
	key := filepath.Join(s.data, "master.key")
	info, err := os.Stat(key)
	switch {
	case err == nil && info.Mode().Perm()&0o077 != 0:
		return one(fmt.Sprintf("%s can be read by others (mode %#o)", key, info.Mode().Perm()), "chmod 600 "+key)
	case err == nil || len(s.masterKey) > 0:
		return nil
	}
	if _, before := os.Stat(filepath.Join(s.data, nodeFile)); before != nil {
		return nil // no node ran here yet, and serve makes it
	}
	return one("a node ran on "+s.data+", and there is no master key: neither "+key+", nor DESKGATE_MASTER_KEY, nor a credential master.key",
		"put back the copy of master.key that was kept elsewhere; without it the data can't be read")
}

// leastDisk is the free space below which the store would soon refuse to write.
const leastDisk = 2 << 30

func examineDisk(_ context.Context, s *settings) []diagnosis {
	dir := s.data
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return one(fmt.Sprintf("the free space of %s can't be read: %v", dir, err), "run this as the user of the node, or as root")
	}
	free := int64(stat.Bavail) * stat.Bsize
	if free < leastDisk {
		return one(fmt.Sprintf("%s has %s of free space; below some 700 MiB a node takes no changes", dir, sizeWord(free)),
			"make room, or put --data on a larger disk")
	}
	return nil
}

// leastFiles is enough for a few thousand visitors at once.
const leastFiles = 8192

func examineFiles(context.Context, *settings) []diagnosis {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max >= leastFiles {
		return nil
	}
	return one(fmt.Sprintf("a process may open %d files here: visitors beyond that are turned away", limit.Max),
		"LimitNOFILE=1048576 in the unit file, or ulimit -n 1048576")
}

// examineMemory compares what the node may hold with what there is.
func examineMemory(_ context.Context, s *settings) []diagnosis {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return nil // another system than Linux
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "MemTotal:" {
			total, _ := strconv.ParseInt(words[1], 10, 64) // a number, by the kernel's contract
			return tooMuch(s.memory, total<<10)
		}
	}
	return nil
}

func tooMuch(wanted, total int64) []diagnosis {
	if total == 0 || wanted <= total/10*9 {
		return nil
	}
	return one(fmt.Sprintf("--memory is %s, and the machine has %s: the node would be killed for it", sizeWord(wanted), sizeWord(total)),
		"lower --memory to half of what there is")
}

// leastBuffer is what quic-go asks the kernel for. With less, packets are dropped when many come at once.
const leastBuffer = 7 << 20

// examineBuffers looks whether HTTP/3 gets the buffers that it wants.
func examineBuffers(_ context.Context, s *settings) []diagnosis {
	if !s.http3 || s.tls == tlsOff {
		return nil
	}
	return smallBuffers(func(name string) (string, error) {
		b, err := os.ReadFile("/proc/sys/net/core/" + name) //nolint:gosec // one of two names
		return string(b), err
	})
}

func smallBuffers(read func(name string) (string, error)) []diagnosis {
	var small, fix []string
	for _, name := range []string{"rmem_max", "wmem_max"} {
		text, err := read(name)
		n, bad := strconv.Atoi(strings.TrimSpace(text))
		if err == nil && bad == nil && n < leastBuffer {
			small = append(small, fmt.Sprintf("net.core.%s is %d", name, n))
			fix = append(fix, fmt.Sprintf("net.core.%s=%d", name, leastBuffer))
		}
	}
	if len(small) == 0 {
		return nil
	}
	return one(strings.Join(small, ", ")+": HTTP/3 loses packets when many come at once",
		"sudo sysctl -w "+strings.Join(fix, " ")+", and the same lines in /etc/sysctl.d/deskgate.conf; or deploy/deskgate-http3.socket; or --http3 off")
}
