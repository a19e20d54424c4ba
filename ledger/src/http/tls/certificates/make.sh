#!/bin/sh
# Makes the certificates of this folder (OpenSSL 3). The authority's key is thrown away.
set -e
work=$(mktemp -d)
touch "$work/index"
cat > "$work/ca.cnf" <<END
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
END
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
# sign NAME SUBJECT EXTENSIONS LAST-DAY OPTIONS..: of NAME.csr, from 2020 on
sign() {
    name=$1 subject=$2 extensions=$3 last=$4
    shift 4
    printf '%b' "$extensions" > "$work/ext"
    openssl req -new -key "$work/$name.key" -subj "$subject" -out "$work/$name.csr"
    openssl ca -batch -notext -config "$work/ca.cnf" -in "$work/$name.csr" -out "$name.pem" -keyfile "$work/ca.key" \
        -startdate 20200101000000Z -enddate "$last" -extfile "$work/ext" "$@"
}
key "$work/ca.key"
sign ca "/CN=medproof tests" "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n" 21200101000000Z -selfsign
leaf() {
    key "$work/$1.key"
    sign "$1" "/CN=medproof test" "subjectAltName=$2\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n" "$3" -cert ca.pem
    cp "$work/$1.key" "$1.key"
}
leaf server "IP:127.0.0.1,DNS:localhost" 21200101000000Z
leaf elsewhere "DNS:elsewhere.example" 21200101000000Z
leaf expired "IP:127.0.0.1" 20210101000000Z
rm -r "$work"
