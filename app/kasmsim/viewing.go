package kasmsim

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// Size of every simulated desktop, in pixels.
const (
	deskWidth  = 1280
	deskHeight = 720
)

type execConfig struct {
	Cmd         string            `json:"cmd"`
	Environment map[string]string `json:"environment"`
	WorkDir     string            `json:"workdir"`
	Privileged  bool              `json:"privileged"`
	User        string            `json:"user"`
}

// ready finds the desktop that a call is about, and refuses while it does not run.
func (s *Sim) ready(in input) (*desktop, *reply) {
	d, failed := s.named(in, true)
	if failed == nil && d.State != running {
		r := refuse("This session is currently " + string(d.State) + ".")
		return nil, &r
	}
	return d, failed
}

type wireJoined struct {
	CurrentTime  string       `json:"current_time"`
	SessionToken string       `json:"session_token"`
	UserID       string       `json:"user_id"`
	Username     string       `json:"username"`
	KasmURL      string       `json:"kasm_url"`
	Kasm         wireKasmView `json:"kasm"`
}

// wireKasmView is what somebody who only looks gets to know about a desktop.
type wireKasmView struct {
	ID             string         `json:"kasm_id"`
	ShareID        string         `json:"share_id"`
	Host           string         `json:"host"`
	Hostname       string         `json:"hostname"`
	Port           int            `json:"port"`
	ViewOnlyToken  string         `json:"view_only_token"`
	User           wireOwner      `json:"user"`
	Image          wireKasmImage  `json:"image"`
	ClientSettings clientSettings `json:"client_settings"`
}

// joinKasm lets a person look at a desktop that is shared.
func (s *Sim) joinKasm(now instant, in input) reply {
	u, failed := s.target(targetUser{UserID: in.UserID})
	if failed != nil {
		return *failed
	}
	var d *desktop
	for _, each := range s.desktops {
		if in.ShareID != "" && each.ShareID == in.ShareID {
			d = each
		}
	}
	if d == nil || d.State != running {
		return refuse(invalidRequest)
	}
	token := newToken()
	whole := s.wireKasm(d, now)
	return ok(wireJoined{
		CurrentTime: date(now.sim), SessionToken: token, UserID: u.ID, Username: u.Username,
		KasmURL: "/#/connect/join/" + d.ShareID + "/" + u.ID + "/" + token,
		Kasm: wireKasmView{
			ID: d.ID, ShareID: d.ShareID, Host: whole.Host, Hostname: whole.Hostname, Port: whole.Port, ViewOnlyToken: newToken(),
			User: wireOwner{Username: d.Username}, Image: whole.Image, ClientSettings: whole.ClientSettings,
		},
	})
}

// execCommand runs nothing, and as with the true server nobody learns what a
// command said or how it ended.
func (s *Sim) execCommand(now instant, in input) reply {
	d, failed := s.ready(in)
	if failed != nil {
		return *failed
	}
	if in.Exec == nil || in.Exec.Cmd == "" {
		return refuse(invalidRequest)
	}
	return ok(map[string]any{"kasm": s.wireKasm(d, now), "current_time": date(now.sim)})
}

// screenshot answers with a picture in the desktop's own shape, so its size differs
// from a size asked for in another.
func (s *Sim) screenshot(_ instant, in input) reply {
	d, failed := s.ready(in)
	if failed != nil {
		return *failed
	}
	width := in.Width
	if width <= 0 {
		width = 300
		if in.Height > 0 {
			width = in.Height * deskWidth / deskHeight
		}
	}
	width = min(max(width, 16), 4*deskWidth)
	picture, err := picture(d.ID, width, max(width*deskHeight/deskWidth, 1))
	if err != nil {
		return crash()
	}
	return reply{status: 200, jpeg: picture}
}

// picture paints a desktop in a colour of its own.
func picture(id string, width, height int) ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, width, height))
	shade := id[0] ^ id[len(id)-1]<<3
	for y := range height {
		for x := range width {
			img.SetGray(x, y, color.Gray{Y: shade + uint8(y*64/height)})
		}
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 70})
	return out.Bytes(), err
}

func (s *Sim) frameStats(now instant, in input) reply {
	d, failed := s.ready(in)
	if failed != nil {
		return *failed
	}
	if !d.watched(now) {
		return refuse("Error retrieving frame stats with status code (503)")
	}
	return ok(map[string]any{
		"frame":   map[string]any{"resx": deskWidth, "resy": deskHeight, "changed": 12, "server_time": 30, "analysis": 1, "screenshot": 4, "encoding_total": 22},
		"clients": []any{map[string]any{"client": "192.0.2.1_1", "client_time": 20, "ping": 12, "processes": []any{}}},
	})
}

func (s *Sim) bottleneckStats(_ instant, in input) reply {
	if _, failed := s.ready(in); failed != nil {
		return *failed
	}
	return ok(map[string]any{"kasm_user": map[string]any{"192.0.2.1_1": []float64{10, 10, 10, 10}}})
}
