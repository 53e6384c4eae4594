package web

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/views"
)

// onServer does what a button of a host's page says, tells how it went and shows
// the page again.
func (s *server) onServer(c *echo.Context, act func(ctx context.Context, id uuid.UUID, operator string) (string, views.Tone, error)) error {
	id, err := serverID(c)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(c.Request().Context(), actLimit)
	defer stop()
	operator := visitOf(c).operator
	text, tone, err := act(ctx, id, operator.Email)
	switch {
	case fail.Is(err, fail.Conflict), fail.Is(err, fail.Invalid), fail.Is(err, fail.Unavailable):
		tone, text = views.ToneWarn, err.Error()
	case err != nil:
		return err
	default:
		s.log.Info("desktop host", "did", c.Path(), "host", id, "operator", operator.ID)
	}
	putNotice(c, s.doors.admin, tone, text)
	return seeOther(c, serverPath(id))
}

func (s *server) testServer(c *echo.Context) error {
	return s.onServer(c, func(ctx context.Context, id uuid.UUID, operator string) (string, views.Tone, error) {
		h, err := s.Hosts.Test(ctx, id, operator)
		if err == nil && !hosts.Passed(h.Checks) {
			return h.Name + " did not pass its test. See below what is missing.", views.ToneWarn, nil
		}
		return h.Name + " passed its test.", views.ToneGood, err
	})
}

func (s *server) drainServer(c *echo.Context) error {
	return s.onServer(c, func(ctx context.Context, id uuid.UUID, operator string) (string, views.Tone, error) {
		h, err := s.Hosts.Drain(ctx, id, operator)
		return h.Name + " takes no new desktops. Those that it has go on.", views.ToneGood, err
	})
}

func (s *server) activateServer(c *echo.Context) error {
	return s.onServer(c, func(ctx context.Context, id uuid.UUID, operator string) (string, views.Tone, error) {
		h, err := s.Hosts.Activate(ctx, id, operator)
		return h.Name + " takes desktops.", views.ToneGood, err
	})
}

func (s *server) retireServer(c *echo.Context) error {
	return s.onServer(c, func(ctx context.Context, id uuid.UUID, operator string) (string, views.Tone, error) {
		h, err := s.Hosts.Retire(ctx, id, operator)
		return h.Name + " is retired and is asked no more.", views.ToneGood, err
	})
}

func (s *server) syncServerImages(c *echo.Context) error {
	return s.onServer(c, func(ctx context.Context, id uuid.UUID, _ string) (string, views.Tone, error) {
		return "The images are read.", views.ToneGood, s.Hosts.SyncImages(ctx, id)
	})
}

// createServerImages makes the image that the form names, or all that are missing.
func (s *server) createServerImages(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	template, vcpu, ramMB := form.Get("template"), 0, 0
	if template != "" {
		var wrong [2]error
		vcpu, wrong[0] = strconv.Atoi(form.Get("vcpu"))
		ramMB, wrong[1] = strconv.Atoi(form.Get("ram_mb"))
		if wrong[0] != nil || wrong[1] != nil {
			return fail.New(fail.BadRequest, "The size of the image could not be read. Go back and press the button again.")
		}
	}
	return s.onServer(c, func(ctx context.Context, id uuid.UUID, operator string) (string, views.Tone, error) {
		n, err := s.Hosts.CreateImages(ctx, id, template, vcpu, ramMB, operator)
		switch {
		case err != nil && n > 0:
			return views.CountOf(n, "image") + " made, then it went wrong: " + sentence(err), views.ToneWarn, nil
		case err == nil && n == 0:
			return "That image is there already.", views.ToneGood, nil
		}
		return views.CountOf(n, "image") + " made. Desktops of it can start at once.", views.ToneGood, err
	})
}
