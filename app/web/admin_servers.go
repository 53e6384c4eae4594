package web

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/views"
)

func serverPath(id uuid.UUID) string { return "/admin/servers/" + id.String() }

func (s *server) serversPage(c *echo.Context) error {
	return s.drawServers(c, 200, views.ServerForm{Driver: hosts.Kasm, Auth: "body"})
}

func (s *server) drawServers(c *echo.Context, status int, form views.ServerForm) error {
	page, err := s.serversOf(c.Request().Context(), form)
	if err != nil {
		return err
	}
	return s.render(c, status, views.ServersPage(s.adminShell(c, "Desktop hosts"), page))
}

func (s *server) serversOf(ctx context.Context, form views.ServerForm) (views.Servers, error) {
	form.Action = "/admin/servers"
	page := views.Servers{Form: form}
	all, err := s.Hosts.List(ctx)
	if err != nil {
		return page, err
	}
	counts, whole, err := s.Hosts.Desktops(ctx)
	if err != nil {
		return page, err
	}
	page.Rows = make([]views.ServerLine, len(all))
	var asked sync.WaitGroup
	for i, h := range all {
		asked.Go(func() { page.Rows[i] = s.serverLine(ctx, h, counts, whole) })
	}
	asked.Wait()
	return page, nil
}

// createServer adds a host and tests it, so that what is wrong is seen at once.
func (s *server) createServer(c *echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	ctx, operator := c.Request().Context(), visitOf(c).operator
	form := serverFormOf(values)
	var added hosts.Host
	entry, err := form.entry()
	if err == nil {
		added, err = s.Hosts.Add(ctx, entry, operator.Email)
	}
	if err != nil {
		return s.againServer(c, err, func(wrong views.Wrong) (templ.Component, error) {
			form.Wrong = wrong
			page, err := s.serversOf(ctx, form.ServerForm)
			return views.ServersPage(s.adminShell(c, "Desktop hosts"), page), err
		})
	}
	s.log.Info("desktop host added", "host", added.Name, "operator", operator.ID)
	tested, err := s.Hosts.Test(ctx, added.ID, operator.Email)
	tone, text := views.ToneGood, added.Name+" is added and passed its test. It takes desktops within seconds."
	if err != nil || !hosts.Passed(tested.Checks) {
		tone, text = views.ToneWarn, added.Name+" is added, but did not pass its test. See below what is missing."
	}
	putNotice(c, s.doors.admin, tone, text)
	return seeOther(c, serverPath(added.ID))
}

// againServer is again for a page that has to be read, too.
func (s *server) againServer(c *echo.Context, err error, draw func(views.Wrong) (templ.Component, error)) error {
	wrong, status := wrongOf(err)
	if status == 0 {
		return err
	}
	page, failed := draw(wrong)
	if failed != nil {
		return failed
	}
	return s.render(c, status, page)
}

// serverForm is the form as it was sent, with the secret, which is never shown.
type serverForm struct {
	views.ServerForm
	secret string
}

func serverFormOf(values map[string][]string) serverForm {
	get := func(name string) string {
		if len(values[name]) == 0 {
			return ""
		}
		return strings.TrimSpace(values[name][0])
	}
	return serverForm{secret: get("api_key_secret"), ServerForm: views.ServerForm{Name: get("name"), Driver: get("driver"), URL: get("url"), Key: get("api_key"),
		Auth: get("auth"), Insecure: get("insecure") != "", Zone: get("zone"), Capacity: get("capacity"), ImageTag: get("image_tag")}}
}

// entry reads what the form says. Errors: Invalid (capacity).
func (f serverForm) entry() (hosts.Entry, error) {
	e := hosts.Entry{Name: f.Name, Kind: f.Driver, URL: f.URL, Key: f.Key, Secret: f.secret, Auth: f.Auth, Insecure: f.Insecure, Zone: f.Zone,
		Options: hosts.Options{ImageTag: f.ImageTag}}
	if f.Capacity == "" {
		return e, nil
	}
	n, err := strconv.Atoi(f.Capacity)
	if err != nil || n < 0 || n > hosts.MaxCapacity {
		return e, fail.Fields{"capacity": "Write a number from 0 to " + strconv.Itoa(hosts.MaxCapacity) + "; 0 is as many as the host itself allows."}.Err()
	}
	e.Capacity = n
	return e, nil
}

// serverID reads which host a path is about. Errors: NotFound.
func serverID(c *echo.Context) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return uuid.Nil, fail.Missing("desktop host")
	}
	return id, nil
}

func (s *server) serverPage(c *echo.Context) error {
	id, err := serverID(c)
	if err != nil {
		return err
	}
	h, err := s.Hosts.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	page, err := s.serverOf(c.Request().Context(), h, formOfHost(h))
	if err != nil {
		return err
	}
	return s.render(c, 200, views.ServerPage(s.adminShell(c, h.Name), page))
}

func formOfHost(h hosts.Host) views.ServerForm {
	form := views.ServerForm{Name: h.Name, Driver: h.Kind, URL: h.URL, Key: h.Key, Auth: h.Auth, Insecure: h.Insecure, Zone: h.Zone, ImageTag: h.Options.ImageTag}
	if h.Capacity > 0 {
		form.Capacity = strconv.Itoa(h.Capacity)
	}
	return form
}

func (s *server) editServer(c *echo.Context) error {
	id, err := serverID(c)
	if err != nil {
		return err
	}
	values, err := posted(c)
	if err != nil {
		return err
	}
	ctx, operator := c.Request().Context(), visitOf(c).operator
	h, err := s.Hosts.Get(ctx, id)
	if err != nil {
		return err
	}
	form := serverFormOf(values)
	form.Name, form.Driver = h.Name, h.Kind
	entry, err := form.entry()
	if err == nil {
		_, err = s.Hosts.Edit(ctx, id, entry, operator.Email)
	}
	if err != nil {
		return s.againServer(c, err, func(wrong views.Wrong) (templ.Component, error) {
			form.Wrong = wrong
			page, err := s.serverOf(ctx, h, form.ServerForm)
			return views.ServerPage(s.adminShell(c, h.Name), page), err
		})
	}
	s.log.Info("desktop host changed", "host", h.Name, "operator", operator.ID)
	putNotice(c, s.doors.admin, views.ToneGood, "The settings of "+h.Name+" are saved. Test it to see that it answers.")
	return seeOther(c, serverPath(id))
}
