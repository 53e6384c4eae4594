package pgserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

type deathSignal = syscall.Signal

const (
	sigInt  deathSignal = syscall.SIGINT
	sigKill deathSignal = syscall.SIGKILL
)

// childAttributes: a process group of its own, and a signal from the kernel when we die.
func childAttributes(onParentDeath deathSignal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: onParentDeath}
}

// processes gives the command line of every process, its words joined by spaces.
func processes() (map[int]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	table := make(map[int]string, len(entries))
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || len(b) == 0 { // ended meanwhile, a zombie, or the kernel's own
			continue
		}
		table[pid] = strings.ReplaceAll(strings.TrimRight(string(b), "\x00 "), "\x00", " ")
	}
	return table, nil
}

// smallSharedMemory: containers often have 64 MB in /dev/shm, too little for
// parallel queries.
func smallSharedMemory() bool {
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &fs); err != nil {
		return true
	}
	return uint64(fs.Blocks)*uint64(fs.Bsize) < 256<<20
}
