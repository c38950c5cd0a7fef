// plimsoll-kms is a key management service (API version 2) for tests, with keys that it makes from their identifiers.
//
// Usage: plimsoll-kms SOCKET KEY_FILE. The identifier of the key in use is read from the file at every call, so that
// writing another one there rotates the key. It ends when its standard input does, which the kernel sees to when the process
// that started it is gone.
package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"k8s.io/kms/pkg/service"
)

type keys struct{ file string }

func (k keys) current() (string, error) {
	text, err := os.ReadFile(k.file)
	return strings.TrimSpace(string(text)), err
}

// sealer is AES-256-GCM with the SHA-256 of the key's identifier: no secret, and good enough to be tested with.
func sealer(id string) (cipher.AEAD, error) {
	key := sha256.Sum256([]byte(id))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (k keys) Encrypt(_ context.Context, _ string, data []byte) (*service.EncryptResponse, error) {
	id, err := k.current()
	if err != nil {
		return nil, err
	}
	aead, err := sealer(id)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return &service.EncryptResponse{Ciphertext: aead.Seal(nonce, nonce, data, nil), KeyID: id}, nil
}

func (k keys) Decrypt(_ context.Context, _ string, request *service.DecryptRequest) ([]byte, error) {
	aead, err := sealer(request.KeyID)
	if err != nil {
		return nil, err
	}
	if len(request.Ciphertext) < aead.NonceSize() {
		return nil, fmt.Errorf("the ciphertext is too short")
	}
	nonce, sealed := request.Ciphertext[:aead.NonceSize()], request.Ciphertext[aead.NonceSize():]
	return aead.Open(nil, nonce, sealed, nil)
}

func (k keys) Status(context.Context) (*service.StatusResponse, error) {
	id, err := k.current()
	if err != nil {
		return nil, err
	}
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: id}, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: plimsoll-kms SOCKET KEY_FILE")
		os.Exit(2)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	err := service.NewGRPCService(os.Args[1], 5*time.Second, keys{file: os.Args[2]}).ListenAndServe()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
