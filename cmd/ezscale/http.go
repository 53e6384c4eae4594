package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// listen takes an address now, so that a port in use is an error of the start.
func listen(what, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen on %s: %w; is another one running?", what, addr, err)
	}
	return l, nil
}

// graceful is how long requests under way may still take at the end; long waits and
// streams are ended after half of it.
const graceful = 2 * time.Second

// serveHTTP serves until the context ends, then lets requests finish. Streams
// have no write timeout; the header's and the idle ones keep strangers short.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger) error {
	streams, endStreams := context.WithCancel(context.Background())
	defer endStreams()
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return streams }}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	// A stream would hold the shutdown up for ever: give plain requests a moment,
	// then end what is left.
	time.AfterFunc(graceful/2, endStreams)
	stop, cancel := context.WithTimeout(context.Background(), graceful)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving: %w", err)
	}
	return srv.Close()
}
