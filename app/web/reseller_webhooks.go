package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/webhooks"
	"github.com/ezscale/ezscale/views"
)

const (
	webhooksPath   = "/reseller/webhooks"
	deliveriesPage = 25
)

func (s *server) webhooksPage(c *echo.Context) error {
	return s.webhooksAs(c, http.StatusOK, views.TermsForm{})
}

// webhooksAs draws the list with a new endpoint as it was typed.
func (s *server) webhooksAs(c *echo.Context, status int, form views.TermsForm) error {
	var list []webhooks.Endpoint
	person, err := s.consoleRead(c, webhooks.EndpointsQ(&list))
	if err != nil {
		return err
	}
	p := views.Webhooks{List: list, Form: views.WebhookForm{TermsForm: form, Events: webhooks.Events()}}
	return s.render(c, status, views.WebhooksPage(s.consoleShell(c, "Webhooks", person), p))
}

// webhookOf reads an endpoint's form.
func webhookOf(form url.Values) webhooks.Draft {
	d := webhooks.Draft{URL: form.Get("url"), Description: form.Get("description")}
	for name := range form {
		if event, ok := strings.CutPrefix(name, views.WebhookEventField); ok {
			d.Events = append(d.Events, event)
		}
	}
	return d
}

func formOfWebhook(e webhooks.Endpoint) views.TermsForm {
	values := map[string]string{"url": e.URL, "description": e.Description}
	for _, name := range e.Events {
		values[views.WebhookEventField+name] = "on"
	}
	return views.TermsForm{Values: values}
}

// addWebhook shows the secret in the answer itself, because it is shown only once.
func (s *server) addWebhook(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	e, secret, err := s.Webhooks.Add(c.Request().Context(), visitOf(c).tenant, consoleActor(c), webhookOf(form))
	if wrong, status := wrongOf(err); status != 0 {
		return s.webhooksAs(c, status, typed(form, wrong))
	}
	if err != nil {
		return err
	}
	return s.webhookAs(c, http.StatusCreated, e.ID, views.Webhook{Secret: secret})
}

func (s *server) webhookPage(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "webhook")
	if err != nil {
		return err
	}
	return s.webhookAs(c, http.StatusOK, id, views.Webhook{})
}

// webhookAs draws an endpoint with its log. A form without values is filled from what
// is kept.
func (s *server) webhookAs(c *echo.Context, status int, id uuid.UUID, p views.Webhook) error {
	before := uuid.Nil
	if text := c.QueryParam("before"); text != "" && c.Request().Method == http.MethodGet {
		var err error
		if before, err = idOf(text, "message"); err != nil {
			return err
		}
		p.Newest = webhooksPath + "/" + id.String()
	}
	person, err := s.consoleRead(c, webhooks.EndpointQ(&p.Endpoint, id), webhooks.DeliveriesQ(&p.Deliveries, id, before, deliveriesPage+1))
	if err != nil {
		return err
	}
	var more bool
	if p.Deliveries, more = cut(p.Deliveries, deliveriesPage); more {
		p.Older = webhooksPath + "/" + id.String() + "?before=" + p.Deliveries[deliveriesPage-1].ID.String()
	}
	if p.Form.Values == nil {
		p.Form.TermsForm = formOfWebhook(p.Endpoint)
	}
	p.When, p.Form.Events = s.when(c), webhooks.Events()
	if p.Secret != "" {
		c.Response().Header().Set("Cache-Control", "no-store")
	}
	return s.render(c, status, views.WebhookPage(s.consoleShell(c, "Webhook", person), p))
}

func (s *server) changeWebhook(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	id, err := idOf(c.Param("id"), "webhook")
	if err != nil {
		return err
	}
	_, err = s.Webhooks.Change(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id, webhookOf(form))
	if wrong, status := wrongOf(err); status != 0 {
		return s.webhookAs(c, status, id, views.Webhook{Form: views.WebhookForm{TermsForm: typed(form, wrong)}})
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, "The webhook is saved.", webhooksPath+"/"+id.String())
}

func (s *server) newWebhookSecret(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "webhook")
	if err != nil {
		return err
	}
	secret, err := s.Webhooks.Rotate(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id)
	if err != nil {
		return err
	}
	return s.webhookAs(c, http.StatusCreated, id, views.Webhook{Secret: secret})
}

// onWebhook does something to an endpoint and says so.
func (s *server) onWebhook(c *echo.Context, said string, do func(id uuid.UUID) error) error {
	id, err := idOf(c.Param("id"), "webhook")
	if err != nil {
		return err
	}
	err = do(id)
	if wrong, status := wrongOf(err); status != 0 {
		return s.webhookAs(c, status, id, views.Webhook{Wrong: wrong.Whole})
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, said, webhooksPath+"/"+id.String())
}

func (s *server) testWebhook(c *echo.Context) error {
	return s.onWebhook(c, "A test is on its way. Open this page again to see what came of it.", func(id uuid.UUID) error {
		return s.Webhooks.Test(c.Request().Context(), visitOf(c).tenant, id)
	})
}

func (s *server) sendWebhookAgain(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	return s.onWebhook(c, "The message is on its way again, under the same id.", func(id uuid.UUID) error {
		delivery, err := uuid.Parse(form.Get("delivery"))
		if err != nil {
			return fail.Missing("message")
		}
		return s.Webhooks.Again(c.Request().Context(), visitOf(c).tenant, id, delivery)
	})
}

func (s *server) pauseWebhook(c *echo.Context) error {
	return s.onWebhook(c, "Nothing is sent there until you switch it on again.", func(id uuid.UUID) error {
		return s.Webhooks.Pause(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id)
	})
}

func (s *server) resumeWebhook(c *echo.Context) error {
	return s.onWebhook(c, "It is on again.", func(id uuid.UUID) error {
		return s.Webhooks.Resume(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id)
	})
}

func (s *server) removeWebhook(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "webhook")
	if err != nil {
		return err
	}
	if err := s.Webhooks.Remove(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id); err != nil {
		return err
	}
	return s.consoleDone(c, "The webhook is gone.", webhooksPath)
}
