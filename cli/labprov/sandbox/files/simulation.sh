# labprov sandbox: what the two scripts of the simulated kernel share. SIMULATION, read by /bin/sh on sandbox nodes only.
hardware=/etc/labprov-sandbox/hardware
pci=/sys/bus/pci

gpu_lines() { grep -E '^[0-9a-f:.]+ 0x10de 0x[0-9a-f]+ 0x03' $hardware || true; }

load_module() { # name version
    mkdir -p "/sys/module/$1"
    echo live >"/sys/module/$1/initstate"
    echo 0 >"/sys/module/$1/refcnt"
    [ -z "$2" ] || echo "$2" >"/sys/module/$1/version"
    echo "$1 16384 0 - Live 0x0000000000000000" >>/run/labprov-sandbox/modules
}

bind_driver() { # slot driver
    mkdir -p "$pci/drivers/$2"
    ln -sfn "../../drivers/$2" "$pci/devices/$1/driver"
    ln -sfn "../../devices/$1" "$pci/drivers/$2/$1"
}
