package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
)

const (
	// pageWithin is how long a page may take: a database that hangs is said, not
	// waited for.
	pageWithin = 15 * time.Second
	// callWithin is the same for calls that change something: create waits for the
	// desktop, and before that perhaps for a call that it repeats.
	callWithin = 2*createWait + 15*time.Second
)

// unhurried routes last as long as they last: a stream, a desktop, and the moving
// of the clock through everything that comes due.
var unhurried = map[string]bool{"/events": true, "/api/test/clock": true, desktopRoute: true}

// inTime ends the work for a request that takes too long.
func (s *server) inTime(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		if unhurried[c.Path()] {
			return next(c)
		}
		within := pageWithin
		if isAPI(c) && c.Request().Method != http.MethodGet {
			within = callWithin
		}
		request := c.Request().Context()
		ctx, cancel := context.WithTimeout(request, within)
		// Not at this function's end: a short answer is held back until it is known
		// whether to zip it, and the session is saved when its headers leave.
		context.AfterFunc(request, cancel)
		c.SetRequest(c.Request().WithContext(ctx))
		err := next(c)
		if err == nil || fail.KindOf(err) != fail.Internal {
			return err
		}
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return fail.Wrap(err, fail.Unavailable, "This takes longer than it should at the moment. Please try again.")
		case ctx.Err() != nil: // we stop, or nobody is left to read this
			return fail.New(fail.Unavailable, "We are restarting. Please try again in a moment.")
		}
		return err
	}
}
