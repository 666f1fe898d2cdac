// Requests URL while it trusts only the certificates in ROOTS. Arguments: ROOTS URL.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	pem, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatal("no certificate in ", os.Args[1])
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	answer, err := (&http.Client{Transport: transport}).Get(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.StatusCode)
}
