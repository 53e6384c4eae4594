package web

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v5"
)

// How a stream of names lives: a comment now and then, so that nothing between
// takes it for dead, and an end, so that a sign-in that was revoked ends too.
const (
	streamComment = 20 * time.Second
	streamFor     = 10 * time.Minute
)

// events tells an open page what of it has changed, by name only. What is behind
// a name the page reads for itself, with all that guards an ordinary request.
func (s *server) events(c *echo.Context) error {
	v, ctx := visitOf(c), c.Request().Context()
	if err := s.readOwn(c); err != nil {
		return err
	}
	names, leave := s.Live.Subscribe(v.tenant.ID, v.userID)
	defer leave()
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(c.Response())
	// Not every writer has deadlines; one without them does not cut the stream off either.
	_ = control.SetWriteDeadline(time.Time{})
	c.Response().WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(ctx, streamFor)
	defer cancel()
	return stream(ctx, c.Response(), control.Flush, names)
}

// stream writes names until the context or the names end. A page that is gone is
// no error.
func stream(ctx context.Context, w io.Writer, flush func() error, names <-chan string) error {
	still := time.NewTicker(streamComment)
	defer still.Stop()
	for text := ": open\nretry: 3000\n\n"; ; {
		if _, err := io.WriteString(w, text); err != nil {
			return nil
		}
		if err := flush(); err != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-still.C:
			text = ": still here\n\n"
		case name, open := <-names:
			if !open {
				return nil
			}
			text = "event: " + name + "\ndata: x\n\n"
		}
	}
}
