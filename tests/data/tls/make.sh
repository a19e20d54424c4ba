#!/bin/sh
# Makes the certificates of this folder (OpenSSL 3). The authorities' keys are thrown away.
set -e
work=$(mktemp -d)
touch "$work/index"
cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = test
[test]
new_certs_dir = $work
database = $work/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
CNF
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
# sign NAME AUTHORITY SUBJECT EXTENSIONS LAST-DAY OPTIONS..: of NAME.csr, from 2020 on
sign() {
    name=$1 authority=$2 subject=$3 extensions=$4 last=$5
    shift 5
    printf '%b' "$extensions" > "$work/ext"
    openssl req -new -key "$work/$name.key" -subj "$subject" -out "$work/$name.csr"
    openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/$name.csr" -out "$name.pem" -keyfile "$work/$authority.key" \
        -startdate 20200101000000Z -enddate "$last" -extfile "$work/ext" "$@"
}
authority() {
    key "$work/$1.key"
    sign "$1" "$1" "$2" "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n" 21200101000000Z -selfsign
}
# leaf NAME AUTHORITY USE SUBJECT-NAMES LAST-DAY
leaf() {
    key "$work/$1.key"
    sign "$1" "$2" "/CN=medproof test" "subjectAltName=$4\nbasicConstraints=CA:FALSE\nextendedKeyUsage=$3\n" "$5" -cert "$2.pem"
    cp "$work/$1.key" "$1.key"
}
authority ca "/CN=medproof tests"
authority strangers "/CN=strangers to medproof tests"
leaf server ca serverAuth "IP:127.0.0.1,DNS:localhost" 21200101000000Z
leaf elsewhere ca serverAuth "DNS:elsewhere.example" 21200101000000Z
leaf expired ca serverAuth "IP:127.0.0.1" 20210101000000Z
leaf client ca clientAuth "DNS:client.example" 21200101000000Z
leaf stranger strangers clientAuth "DNS:client.example" 21200101000000Z
rm -r "$work"
