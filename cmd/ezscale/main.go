// Command ezscale sells cloud desktops by the hour: the shop, the meter, the
// bills and the tenants, in one program. See README.md for a first run.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exit statuses: 0 done, 1 failed, 2 wrong usage.
const (
	exitDone = iota
	exitFailed
	exitUsage
)

// complain writes the one line that every failed command leaves.
func complain(to *os.File, err error) { fmt.Fprintln(to, "ezscale: "+oneLine(err)) }
