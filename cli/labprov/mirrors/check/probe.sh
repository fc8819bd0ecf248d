# Fetches what standard input lists ("NUMBER URL BYTES SECONDS WHEN" a line, all checked before) with whatever this host
# has. WHEN is "+" for what is only of interest if the line before brought something. Set before: c, seconds to connect
# in; program, the same in Python. What is printed: see probe.py.
t=$(mktemp -d) || exit 1
trap 'rm -rf -- "$t"' EXIT
has() { command -v "$1" >/dev/null 2>&1; }
if has curl; then tool=curl
elif has python3 && python3 -I -c 'import ssl, urllib.request' 2>/dev/null; then tool=python3
elif has wget; then tool=wget
elif [ -x /usr/lib/apt/apt-helper ]; then tool=apt-helper
else tool=none; fi
echo "tool $tool"
[ -s /etc/ssl/certs/ca-certificates.crt ] || [ -s /etc/pki/tls/certs/ca-bundle.crt ] || echo no-authorities
[ "$tool" != none ] || exit 0
if [ "$tool" = python3 ]; then python3 -I -c "$program" "$c"; exit; fi
# No more bytes than asked for, whatever the server sends: what writes more is told that the file is too large.
capped() { (trap '' XFSZ; ulimit -f $((bytes / 512)); exec "$@") </dev/null; }
took() { awk "BEGIN { printf \"%.3f\", ($(date +%s%N) - $a) / 1e9 }"; }
ok=0
while read -r n url bytes seconds when; do
  if [ "$when" = + ] && [ $ok = 0 ]; then continue; fi
  rm -f -- "$t/b"; : >"$t/h"; : >"$t/e"; ok=0; a=$(date +%s%N)
  case $tool in
  curl)
    told=$(capped curl -sS -L -g -A labprov --max-redirs 5 --connect-timeout "$c" --max-time "$seconds" \
      -r "0-$((bytes - 1))" -D "$t/h" -o "$t/b" -w '%{http_code} %{time_starttransfer} %{time_total} %{size_download}' \
      -- "$url" 2>"$t/e")
    s=$? ;;
  wget)
    capped timeout "$seconds" wget -nv -S -t 1 -T "$c" --max-redirect=5 -U labprov \
      --header="Range: bytes=0-$((bytes - 1))" -O "$t/b" -- "$url" 2>"$t/e"
    s=$?; told="0 0 $(took) $(wc -c <"$t/b")"; cp -- "$t/e" "$t/h" ;;
  apt-helper)
    timeout "$seconds" /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout="$c" \
      -o Acquire::https::Timeout="$c" download-file "$url" "$t/b" </dev/null >"$t/e" 2>&1
    s=$?; told="0 0 $(took) $(cat -- "$t/b" 2>/dev/null | wc -c)" ;;
  esac
  echo "= $n $s $told"
  case $tool:$told in curl:2* | wget:* | apt-helper:*) [ ! -s "$t/b" ] || ok=1 ;; esac
  grep -a -i '^ *last-modified:' "$t/h" | tail -n 1
  [ ! -f "$t/b" ] || head -c 65536 "$t/b" | grep -a -E '^(Date|Valid-Until): ' | head -n 2 | sed 's/^/index-/'
  grep -a -v -i '^ *\(content\|last\|etag\|server\|date\|accept\|connection\|cache\)' "$t/e" | head -n 12 | cut -c 1-300 |
    sed 's/^/! /'
done
