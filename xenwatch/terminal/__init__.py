"""What `xenwatch top` shows: tables of a host, how they are sorted and drawn, and what keys do."""
