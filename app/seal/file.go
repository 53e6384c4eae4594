package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileName is the key file's name inside the data directory.
const FileName = "secret.key"

// Load gives the installation's key: from the given text (EZSCALE_SECRET_KEY)
// when there is one, else from the key file in dataDir, which is made on first
// use and is readable by its owner only. Whoever loses the key loses the sealed
// secrets, so the file belongs into the backup.
func Load(dataDir, fromEnv string) (*Key, error) {
	if secret := strings.TrimSpace(fromEnv); secret != "" {
		key, err := New(secret)
		if err != nil {
			return nil, fmt.Errorf("EZSCALE_SECRET_KEY: %w", err)
		}
		return key, nil
	}
	path := filepath.Join(dataDir, FileName)
	secret, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = writeFile(path); err == nil {
			secret, err = readFile(path)
		}
	}
	if err != nil {
		return nil, err
	}
	key, err := New(secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return "", fmt.Errorf("the key file %s can be read by others: run chmod 600 on it", path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the key file: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// writeFile makes the file whole or not at all: it is written under a name of
// its own and then linked, which fails when another process was first. Then
// that one's key is the key.
func writeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	file, err := os.CreateTemp(filepath.Dir(path), "."+FileName+"-*") // O_EXCL, 0600
	if err != nil {
		return fmt.Errorf("make the key file: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(secret) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write the key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the new name survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write the key file: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
