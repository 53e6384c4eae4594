package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
)

// What hangs behind a page is said within seconds.
func TestNothingIsWaitedForForEver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		within       time.Duration
	}{
		{http.MethodPost, "/sign-in", pageWithin},
		{http.MethodGet, "/api/public/workspaces", pageWithin},
		{http.MethodPost, "/api/public/create_workspace", callWithin},
	} {
		synctest.Test(t, func(t *testing.T) {
			hangs := (&server{}).inTime(func(c *echo.Context) error {
				ctx := c.Request().Context()
				<-ctx.Done()
				return fmt.Errorf("read: %w", ctx.Err())
			})
			began := time.Now()
			err := hangs(echo.New().NewContext(httptest.NewRequest(c.method, c.path, nil), httptest.NewRecorder()))
			if !fail.Is(err, fail.Unavailable) || time.Since(began) != c.within {
				t.Errorf("%s %s: %v after %s, want no more than %s", c.method, c.path, err, time.Since(began), c.within)
			}
		})
	}
}

func TestARefusalStaysWhatItIs(t *testing.T) {
	t.Parallel()
	refuses := (&server{}).inTime(func(*echo.Context) error { return fail.Missing("desktop") })
	err := refuses(echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()))
	if !fail.Is(err, fail.NotFound) {
		t.Error(err)
	}
}

func TestARequestThatIsCutShort(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cut := (&server{}).inTime(func(c *echo.Context) error {
		cancel()
		return fmt.Errorf("read: %w", c.Request().Context().Err())
	})
	err := cut(echo.New().NewContext(httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil), httptest.NewRecorder()))
	if !fail.Is(err, fail.Unavailable) {
		t.Error(err)
	}
}
