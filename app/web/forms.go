package web

import (
	"errors"
	"net"
	"net/http"
	"net/url"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// posted reads the fields of a posted form. Errors: TooLarge, BadRequest.
func posted(c *echo.Context) (url.Values, error) {
	r := c.Request()
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		err = fail.Wrap(err, fail.BadRequest, "The form could not be read. Go back and send it again.")
	}
	return r.PostForm, err
}

// again shows a form once more, with what was wrong in it. An error that is not
// about the form goes on to be answered as any other.
func (s *server) again(c *echo.Context, err error, draw func(views.Wrong) templ.Component) error {
	wrong, status := wrongOf(err)
	if status == 0 {
		return err
	}
	if status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", "60")
	}
	return s.render(c, status, draw(wrong))
}

// wrongOf is what a form says about an error, and the status of that page; 0
// when there is nothing in the form to mend. A refused sign-in is 422, because
// 401 means that a sign-in is missing.
func wrongOf(err error) (views.Wrong, int) {
	var refused *fail.Error
	if !errors.As(err, &refused) {
		return views.Wrong{}, 0
	}
	switch refused.Kind {
	case fail.Invalid:
		if len(refused.Fields) > 0 {
			return views.Wrong{Fields: refused.Fields}, http.StatusUnprocessableEntity
		}
		return views.Wrong{Whole: refused.Message}, http.StatusUnprocessableEntity
	case fail.Unauthorised:
		return views.Wrong{Whole: refused.Message}, http.StatusUnprocessableEntity
	case fail.TooMany, fail.Forbidden, fail.Conflict:
		return views.Wrong{Whole: refused.Message}, statuses[refused.Kind]
	}
	return views.Wrong{}, 0
}

// addressOf is the whole address of a path on a shop's best host, on the port
// that this request came to.
func (s *server) addressOf(c *echo.Context, t tenants.Tenant, path string) string {
	return s.onHost(c, t.Host(), path)
}

func (s *server) onHost(c *echo.Context, host, path string) string {
	scheme := "http"
	if s.secure {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: s.hostPort(c, host), Path: path}).String()
}

// hostPort is a host with the port that the request came to, as a visitor has to
// write it.
func (s *server) hostPort(c *echo.Context, host string) string {
	if _, port, err := net.SplitHostPort(s.hostOf(c.Request())); err == nil {
		return net.JoinHostPort(host, port)
	}
	return host
}

// centralHost is the provider's own name, empty while it has no shop.
func (s *server) centralHost() string {
	house, _ := s.Registry.House()
	for _, host := range house.Hosts {
		if _, central, ok := s.Registry.ByHost(host); ok && central {
			return host
		}
	}
	return ""
}
