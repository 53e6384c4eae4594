package main

import "syscall"

// dieWithUs ends what a test started when the test binary dies before its time.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
