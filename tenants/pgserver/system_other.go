//go:build unix && !linux

package pgserver

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

type deathSignal = syscall.Signal

const (
	sigInt  deathSignal = syscall.SIGINT
	sigKill deathSignal = syscall.SIGKILL
)

// childAttributes: only Linux signals a child when its parent dies; elsewhere the
// next owner stops what was left.
func childAttributes(deathSignal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// processes gives the command line of every process.
func processes() (map[int]string, error) {
	out, err := exec.Command("ps", "-axww", "-o", "pid=,command=").Output()
	if err != nil {
		return nil, err
	}
	table := map[int]string{}
	for line := range strings.Lines(string(out)) {
		number, command, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(number); err == nil {
			table[pid] = strings.TrimSpace(command)
		}
	}
	return table, nil
}

func smallSharedMemory() bool { return false }
