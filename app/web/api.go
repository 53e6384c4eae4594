package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/idempotency"
)

// readJSON reads a call's body into v. Errors: UnsupportedType when it is not
// JSON at all, BadRequest when it cannot be read, Invalid with the field when a
// value is of the wrong kind.
func readJSON(c *echo.Context, v any) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return nil, fail.New(fail.UnsupportedType, "Send the body as application/json.")
	}
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	err = decoder.Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return nil, fail.Fields{wrong.Field: "This value is of the wrong kind."}.Err()
	case err != nil || decoder.More() || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")):
		return nil, fail.New(fail.BadRequest, "The body is not a JSON object.")
	}
	return body, nil
}

// once does a call that changes something. With an Idempotency-Key, a repeated
// call gets the first one's answer and does nothing.
func (s *server) once(c *echo.Context, body []byte, call func(ctx context.Context, id uuid.UUID) (int, any, error)) error {
	ctx, v, key := c.Request().Context(), visitOf(c), c.Request().Header.Get("Idempotency-Key")
	if key == "" {
		status, data, err := call(ctx, uuid.New())
		if err != nil {
			return err
		}
		return c.JSON(status, data)
	}
	once, err := s.Repeats.Await(ctx, v.tenant, v.userID, key, c.Path(), body, createWait+5*time.Second)
	if err != nil {
		return err
	}
	if once.Answer != nil {
		c.Response().Header().Set("Idempotent-Replayed", "true")
		return c.JSONBlob(once.Answer.Status, once.Answer.Body)
	}
	release := s.Repeats.Hold(ctx, v.tenant, v.userID, key)
	status, data, err := call(ctx, once.Intent)
	release()
	// What was done is remembered even when the caller has hung up meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err != nil {
		return s.finishRefused(ctx, c, key, err)
	}
	answer, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if err := s.Repeats.Finish(ctx, v.tenant, v.userID, key, idempotency.Answer{Status: status, Body: answer}); err != nil {
		return err
	}
	return c.JSONBlob(status, answer)
}

// finishRefused frees the key of a call that was refused for good: the caller
// mends what was wrong and sends the same key again, as a new intent. A call that
// broke off half way (we are stopping, the database is away) may have had its
// effect, so its key goes on standing for it and the repetition takes it over.
func (s *server) finishRefused(ctx context.Context, c *echo.Context, key string, refused error) error {
	if !forGood(refused) {
		return refused
	}
	v := visitOf(c)
	if err := s.Repeats.Drop(ctx, v.tenant, v.userID, key); err != nil {
		return errors.Join(refused, err)
	}
	return refused
}

func forGood(err error) bool {
	var refused *fail.Error
	switch {
	case !errors.As(err, &refused), refused.Kind == fail.Internal:
		return false
	case refused.Kind == fail.Unavailable:
		return refused.Code == codeNoCapacity || refused.Code == codeNotProvisioned
	}
	return true
}

const (
	defaultPage = 50
	maxPage     = 200
)

// page reads ?limit= and ?cursor=. The cursor's text is between us and ourselves.
func page(c *echo.Context) (limit int, after string, err error) {
	limit = defaultPage
	if text := c.QueryParam("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxPage {
			return 0, "", fail.Fields{"limit": "Give a number from 1 to " + strconv.Itoa(maxPage) + "."}.Err()
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.QueryParam("cursor"))
	if err != nil {
		return 0, "", errCursor
	}
	return limit, string(raw), nil
}

var errCursor = fail.Fields{"cursor": "This is no cursor of ours. Take next_cursor as it was given."}.Err()

// cursorText packs the place where a page ended.
func cursorText(at time.Time, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + " " + id.String()))
}

func cursorPlace(text string) (at time.Time, id uuid.UUID, err error) {
	moment, name, ok := strings.Cut(text, " ")
	if !ok {
		return at, id, errCursor
	}
	if at, err = time.Parse(time.RFC3339Nano, moment); err != nil {
		return at, id, errCursor
	}
	if id, err = uuid.Parse(name); err != nil {
		return at, id, errCursor
	}
	return at, id, nil
}

// cut splits what was read one row too far into a page and whether more follows.
func cut[T any](rows []T, limit int) ([]T, bool) {
	if len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}

// idOf reads an id of ours. Something that is no id exists nowhere: 404.
func idOf(text, what string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil, fail.Missing(what)
	}
	return id, nil
}

// stamp writes a time as the API does; nil for none.
func stamp(t *time.Time) *string {
	if t == nil || t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339Nano)
	return &text
}

// cursorName packs the number of the last document of a page.
func cursorName(number string) string { return base64.RawURLEncoding.EncodeToString([]byte(number)) }
