package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

// statuses is the one table from kinds of refusal to HTTP.
var statuses = map[fail.Kind]int{
	fail.Internal: http.StatusInternalServerError, fail.Invalid: http.StatusUnprocessableEntity, fail.BadRequest: http.StatusBadRequest,
	fail.Unauthorised: http.StatusUnauthorized, fail.PaymentRequired: http.StatusPaymentRequired, fail.Forbidden: http.StatusForbidden,
	fail.NotFound: http.StatusNotFound, fail.Conflict: http.StatusConflict, fail.TooLarge: http.StatusRequestEntityTooLarge,
	fail.UnsupportedType: http.StatusUnsupportedMediaType, fail.TooMany: http.StatusTooManyRequests, fail.Unavailable: http.StatusServiceUnavailable,
}

// codes are the machine's words for kinds, where an error has none of its own.
var codes = map[fail.Kind]string{
	fail.Internal: "internal", fail.Invalid: "invalid", fail.BadRequest: "bad_request", fail.Unauthorised: "unauthorised", fail.PaymentRequired: "payment_required",
	fail.Forbidden: "forbidden", fail.NotFound: "not_found", fail.Conflict: "conflict", fail.TooLarge: "too_large", fail.UnsupportedType: "unsupported_type",
	fail.TooMany: "too_many_requests", fail.Unavailable: "unavailable",
}

// titles head the error pages.
var titles = map[int]string{
	http.StatusNotFound: "This page is not here", http.StatusForbidden: "Not from here", http.StatusServiceUnavailable: "Not reachable for a moment",
	http.StatusInternalServerError: "Something went wrong", http.StatusConflict: "That does not fit", http.StatusTooManyRequests: "Slow down a little",
	http.StatusRequestEntityTooLarge: "Too large", http.StatusMethodNotAllowed: "Not like this", http.StatusUnprocessableEntity: "Please check",
	http.StatusPaymentRequired: "Credit needed", http.StatusBadRequest: "That could not be read", http.StatusUnsupportedMediaType: "Another format, please",
}

// title heads an error page. A shop that is suspended is closed; everything else
// that is not available will be again soon.
func (r refusal) title() string {
	if r.code == codeSuspended {
		return "Closed for the moment"
	}
	return titles[r.status]
}

const codeSuspended = "suspended"

// wayOut leads to the front of the shop, where there is one and it is open.
func wayOut(c *echo.Context, status int) views.NavItem {
	if status == http.StatusServiceUnavailable || visitOf(c).tenant.Slug == "" {
		return views.NavItem{}
	}
	return views.NavItem{Label: "Back to the start", Href: "/"}
}

// refusal is an error as a visitor may see it.
type refusal struct {
	status  int
	code    string
	message string
	fields  map[string]string
}

// explain turns any error into what may be shown. Faults of ours become one
// sentence and the request's id; their text goes to the log, once.
func (s *server) explain(c *echo.Context, err error) refusal {
	var refused *fail.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refused = fail.New(fail.TooLarge, "That is too large. The limit is %d MB.", tooLarge.Limit>>20)
	case errors.As(err, &refused):
	case echo.StatusCode(err) == http.StatusNotFound:
		refused = fail.New(fail.NotFound, "There is nothing at this address.")
	case echo.StatusCode(err) == http.StatusMethodNotAllowed:
		return refusal{status: http.StatusMethodNotAllowed, code: "method_not_allowed", message: "This address does not take that kind of request."}
	case echo.StatusCode(err) == http.StatusUnsupportedMediaType:
		refused = fail.New(fail.UnsupportedType, "Send the request in another format.")
	case echo.StatusCode(err) == http.StatusBadRequest:
		refused = fail.New(fail.BadRequest, "The request could not be read.")
	}
	if refused == nil || refused.Kind == fail.Internal {
		if !errors.Is(c.Request().Context().Err(), context.Canceled) {
			s.log.Error("request failed", "request_id", visitOf(c).requestID, "route", c.Path(), "tenant", visitOf(c).tenant.Slug, "error", err)
		}
		return refusal{http.StatusInternalServerError, "internal", "Something went wrong on our side. Nothing was lost; please try again.", nil}
	}
	if refused.Cause != nil {
		s.log.Warn("request refused", "request_id", visitOf(c).requestID, "route", c.Path(), "tenant", visitOf(c).tenant.Slug, "kind", codes[refused.Kind], "error", refused.Cause)
	}
	code := refused.Code
	if code == "" {
		code = codes[refused.Kind]
	}
	return refusal{statuses[refused.Kind], code, refused.Message, refused.Fields}
}

// answer sends an error: JSON to the API, a fragment to htmx, a page to people.
func (s *server) answer(c *echo.Context, err error) {
	if response, unwrapErr := echo.UnwrapResponse(c.Response()); unwrapErr == nil && response.Committed {
		s.explain(c, err)
		return
	}
	r := s.explain(c, err)
	if r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", "30")
	}
	var sendErr error
	switch {
	case isAPI(c):
		sendErr = sendAPIError(c, r)
	case r.status == http.StatusUnauthorized:
		sendErr = s.toSignIn(c)
	case isHTMX(c):
		c.Response().Header().Set("HX-Retarget", "#notice")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
		sendErr = s.render(c, r.status, views.NoticeFragment(views.Notice{Tone: views.ToneBad, Text: r.message, RequestID: visitOf(c).requestID}))
	default:
		sendErr = s.render(c, r.status, views.FaultPage(s.bareShell(c, r.title()), views.Fault{
			Status: r.status, Title: r.title(), Text: r.message, Action: wayOut(c, r.status), RequestID: visitOf(c).requestID}))
	}
	if sendErr != nil {
		s.log.Error("error could not be sent", "request_id", visitOf(c).requestID, "error", sendErr)
	}
}

// toSignIn sends somebody who is signed out to the door that belongs to the
// page, and remembers where they wanted to go.
func (s *server) toSignIn(c *echo.Context) error {
	door := doorOf(visitOf(c), c.Request().URL.Path)
	if c.Request().Method == http.MethodGet {
		door += "?next=" + url.QueryEscape(c.Request().URL.RequestURI())
	}
	if isHTMX(c) {
		c.Response().Header().Set("HX-Redirect", door)
		return c.NoContent(http.StatusUnauthorized)
	}
	return c.Redirect(http.StatusSeeOther, door)
}

func sendAPIError(c *echo.Context, r refusal) error {
	body := map[string]any{"code": r.code, "message": r.message, "request_id": visitOf(c).requestID}
	if len(r.fields) > 0 {
		body["fields"] = r.fields
	}
	return c.JSON(r.status, map[string]any{"error": body})
}
