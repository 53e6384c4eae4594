// Command vnctest is a desktop without a desktop, for an image made from scratch:
// what vnctest serves, on port 6901, with the password in VNC_PW, plus a few calls
// under /test/ that show what the container may do.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ezscale/ezscale/app/docker/vnctest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Getenv("HOME"), os.Getenv("VNC_PW")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, home, password string) error {
	if wait, err := time.ParseDuration(os.Getenv("VNCTEST_DELAY")); err == nil { // a desktop takes its time
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
	pair, text, err := vnctest.Certificate()
	if err != nil {
		return err
	}
	if err := vnctest.Keep(home, text); err != nil {
		return err
	}
	l, err := net.Listen("tcp", ":6901")
	if err != nil {
		return err
	}
	s := vnctest.New(password)
	s.Handle("PUT /test/files/{name}", func(w http.ResponseWriter, r *http.Request) { write(w, r, home) })
	s.Handle("GET /test/files/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(home, filepath.Base(r.PathValue("name"))))
	})
	s.Handle("GET /test/env/{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getenv(r.PathValue("name"))) })
	s.Handle("GET /test/id", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%d", os.Getuid()) })
	s.Handle("GET /test/address", address)
	s.Handle("GET /test/reach/{target}", reach)
	s.Handle("POST /test/burn/{millis}", burn)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l, pair) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return nil
	}
}

func write(w http.ResponseWriter, r *http.Request, home string) {
	f, err := os.Create(filepath.Join(home, filepath.Base(r.PathValue("name"))))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, err = io.Copy(f, r.Body)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// address tells where the container stands in its network.
func address(w http.ResponseWriter, _ *http.Request) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for _, a := range all {
		if !strings.HasPrefix(a.String(), "127.") && !strings.Contains(a.String(), ":") {
			fmt.Fprintln(w, strings.Split(a.String(), "/")[0])
		}
	}
}

// reach tries to connect to another machine.
func reach(w http.ResponseWriter, r *http.Request) {
	c, err := net.DialTimeout("tcp", r.PathValue("target"), 2*time.Second)
	if err != nil {
		http.Error(w, "no: "+err.Error(), http.StatusBadGateway)
		return
	}
	_ = c.Close()
	fmt.Fprint(w, "yes")
}

// burn keeps one CPU busy for a while.
func burn(w http.ResponseWriter, r *http.Request) {
	millis, err := strconv.Atoi(r.PathValue("millis"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n := 0
	for end := time.Now().Add(time.Duration(millis) * time.Millisecond); time.Now().Before(end); {
		n++
	}
	fmt.Fprint(w, n)
}
