# Archives: the same bytes, and back.
# needs: tar xz gzip python3
set -euo pipefail
mkdir tree
for i in $(seq 300); do seq "$i" >"tree/$i"; done
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf tree.tar tree
xz -k -T2 tree.tar
gzip -nk tree.tar
sha256sum tree.tar tree.tar.xz tree.tar.gz
mkdir back
tar -xJf tree.tar.xz -C back
diff -r tree back/tree && echo same
