package web

import (
	"strings"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/views"
)

// putNotice keeps one sentence for the page that a redirect leads to.
func putNotice(c *echo.Context, m *scs.SessionManager, tone views.Tone, text string) {
	ctx := c.Request().Context()
	if m.GetString(ctx, keyTenant) == "" {
		m.Put(ctx, keyDoor, m.Cookie.Name)
		m.Put(ctx, keyTenant, visitOf(c).tenant.ID.String())
	}
	m.Put(ctx, keyNotice, string(tone)+" "+text)
}

// popNotice gives the sentence that was kept, once; nil when there is none.
func popNotice(c *echo.Context, m *scs.SessionManager) *views.Notice {
	ctx := c.Request().Context()
	if !m.Exists(ctx, keyNotice) {
		return nil
	}
	tone, text, _ := strings.Cut(m.PopString(ctx, keyNotice), " ")
	return &views.Notice{Tone: views.Tone(tone), Text: text}
}
