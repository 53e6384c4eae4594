package kasm

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Joined is the answer to Join.
type Joined struct {
	KasmID   string
	UserID   string
	Username string // of the desktop's owner, where Kasm says so
	Link     Link   // shows the desktop to the person who joined
}

// Command is what Exec runs in a desktop.
type Command struct {
	Cmd         string
	Environment map[string]string
	WorkDir     string
	User        string // "" for the desktop's own, root for everything
	Privileged  bool
}

// String hides the command and its environment, which may hold secrets.
func (Command) String() string { return "[command in a desktop]" }

// GoString hides the command.
func (c Command) GoString() string { return c.String() }

// LogValue hides the command.
func (c Command) LogValue() slog.Value { return slog.StringValue(c.String()) }

// FrameStats tells how smoothly a desktop's picture reaches those who look at it.
type FrameStats struct {
	Width      int // of the desktop, in pixels
	Height     int
	Changed    int           // share of the picture that changed, in per cent
	ServerTime time.Duration // to make the last frame
	Clients    int           // viewers
}

// Join gives a person a link to look at a shared desktop. Errors: KindNotFound.
func (c *Client) Join(ctx context.Context, userID, shareID string) (Joined, error) {
	const op = "join_kasm"
	id, err := idFor(op, userID)
	if err != nil {
		return Joined{}, err
	}
	if shareID == "" {
		return Joined{}, &Error{Kind: KindInvalid, Op: op, Message: "This desktop is not shared."}
	}
	data, err := c.call(ctx, op, "/api/public/"+op, map[string]any{"user_id": id, "share_id": shareID})
	if err != nil {
		return Joined{}, err
	}
	j, ok := decodeJoined(data, c.base)
	if !ok {
		return Joined{}, unreadable(op)
	}
	return j, nil
}

// Exec starts a command in a running desktop. Kasm tells neither its output nor how
// it ended: no error means only that it was begun. It is sent once.
func (c *Client) Exec(ctx context.Context, userID, kasmID string, cmd Command) error {
	const op = "exec_command_kasm"
	body, err := desktop(op, userID, kasmID)
	if err != nil {
		return err
	}
	if cmd.Cmd == "" {
		return &Error{Kind: KindInvalid, Op: op, Message: "There is no command to run."}
	}
	config := map[string]any{"cmd": cmd.Cmd, "privileged": cmd.Privileged}
	if len(cmd.Environment) > 0 {
		config["environment"] = cmd.Environment
	}
	if cmd.WorkDir != "" {
		config["workdir"] = cmd.WorkDir
	}
	if cmd.User != "" {
		config["user"] = cmd.User
	}
	body["exec_config"] = config
	_, err = c.call(ctx, op, "/api/public/"+op, body)
	return err
}

// Screenshot gives a picture of a running desktop as JPEG. Kasm keeps the desktop's
// shape, so the size differs from what was asked; 0 is Kasm's own (300 wide). The
// picture is old while nobody looks. Errors: KindNotFound, KindNotReady.
func (c *Client) Screenshot(ctx context.Context, userID, kasmID string, width, height int) ([]byte, error) {
	const op = "get_kasm_screenshot"
	body, err := desktop(op, userID, kasmID)
	if err != nil {
		return nil, err
	}
	if width > 0 {
		body["width"] = width
	}
	if height > 0 {
		body["height"] = height
	}
	raw, err := c.signed(op, body)
	if err != nil {
		return nil, err
	}
	status, data, err := c.exchange(ctx, op, http.MethodPost, "/api/public/"+op, raw)
	if err != nil {
		return nil, err
	}
	if status == http.StatusOK && isJPEG(data) {
		return data, nil
	}
	if err := c.judge(op, status, data); err != nil {
		return nil, err
	}
	return nil, unreadable(op)
}

func isJPEG(data []byte) bool { return bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}) }

// FrameStats measures a desktop's picture. Errors: KindNotReady when nobody looks
// at it, KindNotFound.
func (c *Client) FrameStats(ctx context.Context, userID, kasmID string) (FrameStats, error) {
	const op = "get_kasm_frame_stats"
	body, err := desktop(op, userID, kasmID)
	if err != nil {
		return FrameStats{}, err
	}
	body["client"] = "auto"
	data, err := c.read(ctx, op, body)
	if err != nil {
		return FrameStats{}, err
	}
	stats, ok := decodeFrameStats(data)
	if !ok {
		return FrameStats{}, unreadable(op)
	}
	return stats, nil
}
