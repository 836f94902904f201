//! Policy to firewall rules, MUD and antivirus exclusions.
