package kasm

import (
	"context"
	"net/http"
)

// Request asks for one new desktop. It is sent once and never repeated: Kasm knows
// no idempotency key, and asking twice may start two. When the error is Uncertain,
// look for the desktop with List before asking again.
// Errors: KindNoCapacity, KindLimitReached, KindLicenceLimit, KindUnauthorised, KindInvalid (image), KindUnavailable.
func (c *Client) Request(ctx context.Context, r RequestKasm) (Requested, error) {
	const op = "request_kasm"
	userID, err := idFor(op, r.UserID)
	if err != nil {
		return Requested{}, err
	}
	imageID, err := idFor(op, r.ImageID)
	if err != nil {
		return Requested{}, err
	}
	body := map[string]any{"user_id": userID, "image_id": imageID, "enable_sharing": r.EnableSharing}
	if len(r.Environment) > 0 {
		body["environment"] = r.Environment
	}
	for field, value := range map[string]string{
		"kasm_url": r.StartPage, "client_language": r.Language, "client_timezone": r.TimeZone, "persistent_profile_mode": r.PersistentProfile,
	} {
		if value != "" {
			body[field] = value
		}
	}
	data, err := c.call(ctx, op, "/api/public/request_kasm", body)
	if err != nil {
		return Requested{}, err
	}
	got, ok := decodeRequested(data, c.base)
	if !ok {
		return Requested{}, unreadable(op)
	}
	return got, nil
}

// Status makes a new link to a running desktop; every earlier link to it stops
// working. Use it for a launch and for nothing else; List tells what runs.
// While the desktop does not run the error is KindNotReady and Status holds its state.
func (c *Client) Status(ctx context.Context, userID, kasmID string) (Status, error) {
	const op = "get_kasm_status"
	body, err := desktop(op, userID, kasmID)
	if err != nil {
		return Status{}, err
	}
	data, err := c.call(ctx, op, "/api/public/get_kasm_status", body)
	if err != nil && KindOf(err) != KindNotReady {
		return Status{}, err
	}
	s, ok := decodeStatus(data, c.base)
	switch {
	case err != nil:
		s.Link = ""
		return s, err
	case !ok:
		return Status{}, unreadable(op)
	case s.Operational != StateRunning || s.Link == "":
		s.Link = ""
		return s, &Error{Kind: KindNotReady, Op: op, HTTPStatus: http.StatusOK, Message: "The desktop is not ready."}
	}
	return s, nil
}

// List gives every desktop of the server, in whatever state. An answer that cannot
// be read whole is KindUnavailable, never an empty list.
func (c *Client) List(ctx context.Context) (Listing, error) {
	sent := c.now()
	data, err := c.read(ctx, "get_kasms", nil)
	if err != nil {
		return Listing{}, err
	}
	l, ok := decodeListing(data)
	if !ok {
		return Listing{}, unreadable("get_kasms")
	}
	l.Sent, l.Received = sent, c.now()
	return l, nil
}

// Destroy ends a desktop and its disk. Kasm may take a while; the desktop is gone
// when List no longer holds it. Errors: KindNotFound when it is already gone.
func (c *Client) Destroy(ctx context.Context, userID, kasmID string) error {
	return c.act(ctx, "destroy_kasm", "/api/public/destroy_kasm", userID, kasmID)
}

// Stop ends the processes and keeps the disk. Outside Kasm's documented API.
func (c *Client) Stop(ctx context.Context, userID, kasmID string) error {
	return c.act(ctx, "stop_kasm", "/api/stop_kasm", userID, kasmID)
}

// Pause freezes the processes and keeps disk and memory. Outside Kasm's documented API.
func (c *Client) Pause(ctx context.Context, userID, kasmID string) error {
	return c.act(ctx, "pause_kasm", "/api/pause_kasm", userID, kasmID)
}

// Resume starts a stopped or paused desktop again. Outside Kasm's documented API.
func (c *Client) Resume(ctx context.Context, userID, kasmID string) error {
	return c.act(ctx, "resume_kasm", "/api/resume_kasm", userID, kasmID)
}

// Keepalive puts off the moment at which Kasm deletes the desktop by itself (an
// hour from now, if the group says nothing else). usageReached tells that the
// user's quota in Kasm is used up. Saying it twice does no harm, so it is tried
// again like a read.
func (c *Client) Keepalive(ctx context.Context, kasmID string) (usageReached bool, err error) {
	id, err := idFor("keepalive", kasmID)
	if err != nil {
		return false, err
	}
	data, err := c.read(ctx, "keepalive", map[string]any{"kasm_id": id})
	if err != nil {
		return false, err
	}
	return decodeUsageReached(data), nil
}

// Health tells whether the server answers at all; the key is not checked.
func (c *Client) Health(ctx context.Context) error {
	data, err := c.roundTrip(ctx, "health", http.MethodGet, "/api/__healthcheck", nil)
	if err != nil {
		return err
	}
	var said struct {
		OK flag `json:"ok"`
	}
	if !lenient(data, &said) || !bool(said.OK) {
		return unreadable("health")
	}
	return nil
}

func (c *Client) act(ctx context.Context, op, path, userID, kasmID string) error {
	body, err := desktop(op, userID, kasmID)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, op, path, body)
	return err
}

func desktop(op, userID, kasmID string) (map[string]any, error) {
	user, err := idFor(op, userID)
	if err != nil {
		return nil, err
	}
	kasm, err := idFor(op, kasmID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"user_id": user, "kasm_id": kasm}, nil
}
