package kasm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"unicode"
)

// Kind sorts Kasm's errors by what can be done about them.
type Kind string

// The kinds of errors.
const (
	KindNoCapacity   Kind = "no_capacity"   // no agent has room for the desktop
	KindLimitReached Kind = "limit_reached" // this user already has as many desktops as the group allows
	KindLicenceLimit Kind = "licence_limit" // the licence allows no more desktops at once
	KindUnauthorised Kind = "unauthorised"  // wrong key, or the key lacks a permission
	KindNotFound     Kind = "not_found"     // no such user or desktop
	KindNotReady     Kind = "not_ready"     // the desktop is not running now, so there is no link to it
	KindConflict     Kind = "conflict"      // the name is taken, or the user still has desktops
	KindUnavailable  Kind = "unavailable"   // no proper answer: timeout, connection lost, HTML, 5xx
	KindInvalid      Kind = "invalid"       // the request itself is wrong: an id, an image, a field
	KindOther        Kind = "other"         // Kasm refused for a reason that this client does not know
)

// Error is every error this package returns.
type Error struct {
	Kind       Kind
	Op         string // the API call, such as request_kasm
	HTTPStatus int    // 0 when there was no answer
	Message    string // one sentence for the operator, without secrets and links
	cause      error
}

// Error names the call and what went wrong.
func (e *Error) Error() string { return "kasm: " + e.Op + ": " + e.Message }

// Unwrap gives the network error, or the end of the context, beneath.
func (e *Error) Unwrap() error { return e.cause }

// Retryable tells whether the same call may succeed later without anybody changing
// anything. It says nothing about whether repeating is safe: see Uncertain.
func (e *Error) Retryable() bool {
	switch e.Kind {
	case KindNoCapacity, KindLicenceLimit, KindNotReady, KindUnavailable, KindOther:
		return true
	}
	return false
}

// Uncertain tells whether the call may have taken effect although it failed. After
// an uncertain Request, look for the desktop with List before asking again.
func (e *Error) Uncertain() bool {
	if e.Kind != KindUnavailable && e.Kind != KindOther {
		return false
	}
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	neverSent := errors.As(e.cause, &op) && op.Op == "dial" || errors.As(e.cause, &certificate)
	return !neverSent
}

// Missing tells whether the server has no such call at all, as older versions lack
// some: it answers with a page instead of an error in JSON.
func (e *Error) Missing() bool {
	return e.Kind == KindUnavailable && (e.HTTPStatus == http.StatusNotFound || e.HTTPStatus == http.StatusMethodNotAllowed)
}

// KindOf gives the kind of an error from this package, and "" for any other.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func unreachable(op string, err error) *Error {
	message := "Kasm cannot be reached; check its address and that it runs."
	var late interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		message = "Kasm did not answer in time."
	case errors.Is(err, context.Canceled):
		message = "The call to Kasm was given up."
	case strings.Contains(err.Error(), "x509:"), strings.Contains(err.Error(), "tls:"):
		message = "Kasm's certificate is not trusted; install a valid one, or accept self-signed certificates in the settings."
	}
	return &Error{Kind: KindUnavailable, Op: op, Message: message, cause: err}
}

// kindOf sorts an answer that is not a success. message is Kasm's own
// error_message, "" when it sent none.
func kindOf(op string, status int, message string, isJSON bool) Kind {
	if kind := kindOfMessage(op, strings.ToLower(message)); kind != "" {
		return kind
	}
	return kindOfStatus(status, isJSON, message)
}

// kindOfMessage knows Kasm's texts. They decide before the status does, because
// the status is 200 for many of them. "" means the text tells nothing.
func kindOfMessage(op, m string) Kind {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(m, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("no resources are available", "no agent slots available", "no agent can be contacted"):
		return KindNoCapacity
	case has("license limit", "licence limit"):
		return KindLicenceLimit
	case has("limit exceeded for user", "kasm limit exceeded"):
		return KindLimitReached
	case has("this session is currently", "error retrieving frame stats"):
		return KindNotReady
	case has("unauthorized", "unauthorised", "access denied", "invalid api key"):
		return KindUnauthorised
	case has("already exists", "already in use", "has active sessions"):
		return KindConflict
	case has("no default image found"):
		return KindInvalid
	case has("not found", "does not exist"), has("invalid request") && namesSomething(op):
		return KindNotFound
	case has("unable to create session", "internal error", "internal server error", "unexpected error"):
		return KindUnavailable
	}
	return ""
}

// namesSomething: for these calls "Invalid Request" is how Kasm says that it does
// not know the id or the name.
func namesSomething(op string) bool {
	switch op {
	case "get_user", "update_user", "delete_user", "logout_user", "get_attributes", "update_user_attributes", "add_user_group", "remove_user_group",
		"get_images_group", "add_images_group", "add_settings_group", "get_kasm_status", "destroy_kasm", "keepalive", "stop_kasm", "pause_kasm", "resume_kasm", "join_kasm",
		"exec_command_kasm", "get_kasm_screenshot", "get_kasm_frame_stats":
		return true
	}
	return false
}

func kindOfStatus(status int, isJSON bool, message string) Kind {
	switch {
	case status == 401, status == 403:
		return KindUnauthorised
	case status == 429, status >= 500, status < 200, status >= 300 && status < 400:
		return KindUnavailable
	case !isJSON, message == "" && status < 300:
		return KindUnavailable
	case status == 404 && message != "":
		return KindNotFound
	case status == 400, status == 405, status == 422:
		return KindInvalid
	}
	return KindOther
}

func sentence(kind Kind, op string, status int, message string) string {
	said := ""
	if message != "" {
		said = fmt.Sprintf(" Kasm says: %q.", message)
	}
	switch kind {
	case KindNoCapacity:
		return "Kasm has no room for another desktop now; add an agent or wait until one ends." + said
	case KindLicenceLimit:
		return "Kasm's licence allows no more desktops at once." + said
	case KindLimitReached:
		return "This user already has as many desktops as Kasm allows." + said
	case KindUnauthorised:
		return "Kasm refused the API key; check the key, its secret and its permissions." + said
	case KindNotFound:
		return "Kasm does not know " + sought(op) + "." + said
	case KindNotReady:
		if op == "get_kasm_frame_stats" {
			return "Nobody looks at this desktop now." + said
		}
		return "The desktop is not ready." + said
	case KindConflict:
		return "Kasm refused because of something that exists." + said
	case KindUnavailable:
		return fmt.Sprintf("Kasm gave no proper answer to %s (status %d).", op, status) + said
	}
	if strings.Contains(strings.ToLower(message), "no default image") {
		return "Kasm does not offer this image to the user; check the image's id, that it is enabled, and the user's groups." + said
	}
	return fmt.Sprintf("Kasm refused %s (status %d).", op, status) + said
}

// sought is what the call named and Kasm did not find.
func sought(op string) string {
	switch op {
	case "add_user_group", "remove_user_group":
		return "this user or group"
	case "get_images_group", "add_images_group", "add_settings_group":
		return "this group or image"
	case "join_kasm":
		return "this user or shared desktop"
	}
	return "this user or desktop"
}

// clean makes a server's text fit for one line of a log, without desktop links.
func clean(message string) string {
	words := strings.FieldsFunc(message, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	for i, w := range words {
		if strings.Contains(w, "/connect/") || strings.Contains(w, "#/cast/") || strings.Contains(w, "token=") {
			words[i] = redacted
		}
	}
	runes := []rune(strings.ToValidUTF8(strings.Join(words, " "), ""))
	if len(runes) > 300 {
		runes = append(runes[:300], '…')
	}
	return string(runes)
}
