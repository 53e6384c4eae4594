package web

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/views"
)

// cardsPage lists a customer's saved cards.
func (s *server) cardsPage(c *echo.Context) error {
	v := visitOf(c)
	p := views.CardsProps{When: s.when(c), Cause: uuid.NewString(), Support: brandOf(v.tenant).SupportEmail}
	shell, _, err := s.desk(c, "Cards", payments.MethodsQ(&p.Cards, v.userID), s.Payments.TakesCardsQ(&p.Takes, v.tenant))
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, views.CardsPage(shell, p))
}

// saveCard leads to the processor's page on which a card is saved.
func (s *server) saveCard(c *echo.Context) error {
	v := visitOf(c)
	form, err := posted(c)
	if err != nil {
		return err
	}
	token, err := tokenOf(form.Get("cause"))
	if err != nil {
		return err
	}
	to, err := s.Payments.SaveCard(c.Request().Context(), v.tenant, v.userID, token)
	switch {
	case payments.NoCards(err):
		return s.noCards(c)
	case err != nil:
		return err
	case to.URL == "":
		return seeOther(c, "/settings/cards")
	}
	return s.toCheckout(c, to.URL)
}

// tokenOf reads the token of a form that is sent once. Errors: BadRequest.
func tokenOf(text string) (string, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return "", fail.Wrap(err, fail.BadRequest, "This form is incomplete. Load its page again and send it from there.")
	}
	return id.String(), nil
}

// toCheckout sends a browser on to the processor, with a page that leads there too,
// for browsers that let no form lead to another site.
func (s *server) toCheckout(c *echo.Context, url string) error {
	if isHTMX(c) {
		c.Response().Header().Set("HX-Redirect", url)
		return c.NoContent(http.StatusNoContent)
	}
	c.Response().Header().Set("Location", url)
	return s.render(c, http.StatusSeeOther, views.CheckoutPage(s.cardShell(c, "Go on to payment"), url))
}

// noCards says that the shop takes no cards, and what to do instead.
func (s *server) noCards(c *echo.Context) error {
	return s.render(c, http.StatusConflict, views.NoCardsPage(s.cardShell(c, "No cards"), brandOf(visitOf(c).tenant).SupportEmail))
}

// cardDone is where the processor's page leads back to.
func (s *server) cardDone(c *echo.Context) error {
	v := visitOf(c)
	if _, _, err := s.desk(c, "Cards"); err != nil {
		return err
	}
	saved, err := s.Payments.CardSaved(c.Request().Context(), v.tenant, v.userID, c.QueryParam("session_id"))
	if err != nil {
		return err
	}
	if saved {
		putNotice(c, s.doors.shop, views.ToneGood, "The card is saved. It pays your invoices from now on.")
	} else {
		putNotice(c, s.doors.shop, views.ToneInfo, "No card was saved.")
	}
	return seeOther(c, "/settings/cards")
}

func (s *server) removeCard(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "card")
	if err != nil {
		return err
	}
	if err := s.Payments.RemoveCard(c.Request().Context(), v.tenant, v.userID, id); err != nil {
		return err
	}
	putNotice(c, s.doors.shop, views.ToneGood, "The card was removed. It is charged no more.")
	return seeOther(c, "/settings/cards")
}

func (s *server) defaultCard(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "card")
	if err != nil {
		return err
	}
	if err := s.Payments.MakeDefault(c.Request().Context(), v.tenant, v.userID, id); err != nil {
		return err
	}
	putNotice(c, s.doors.shop, views.ToneGood, "This card is charged from now on.")
	return seeOther(c, "/settings/cards")
}

// formPolicy lets forms lead to the processor's page besides our own.
func (s *server) formPolicy() string {
	if s.Payments == nil {
		return policy
	}
	return strings.Replace(policy, "form-action 'self'", "form-action 'self' "+strings.Join(s.Payments.Origins(), " "), 1)
}
